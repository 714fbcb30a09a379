import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import InvalidHeaderError
from api.examples import COMMANDS
from api.idempotency import fingerprint, parse_key
from datapump.commands import parse_command

PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=255)


@given(PRINTABLE)
def test_a_quoted_key_says_any_printable_text(key):
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    assert parse_key(f'"{escaped}"') == key


@given(st.text(string.ascii_letters + string.digits + "-_:/.", min_size=1, max_size=255))
def test_a_bare_key_is_the_same_as_a_quoted_one(key):
    assert parse_key(key) == parse_key(f'"{key}"') == key


@pytest.mark.parametrize(
    "header",
    [
        "",
        '""',
        '"',
        '"abc',
        'abc"',
        'a"b',
        "a b",
        "a\\b",
        '"a\\b"',
        '"a";p=1',
        '"a", "b"',
        "é",
        "\t",
        "x" * 256,
        f'"{"x" * 256}"',
    ],
)
def test_what_is_not_a_key_is_refused(header):
    with pytest.raises(InvalidHeaderError, match="printable ASCII"):
        parse_key(header)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_same_command_has_the_same_fingerprint_however_it_is_laid_out(name):
    def turned(value):
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(item) for item in value] if isinstance(value, list) else value

    plain = parse_command(json.dumps(COMMANDS[name]))
    other = parse_command(json.dumps(turned(COMMANDS[name]), indent=3))
    assert fingerprint(plain) == fingerprint(other)


def test_other_commands_have_other_fingerprints():
    assert len({fingerprint(parse_command(json.dumps(command))) for command in COMMANDS.values()}) == len(COMMANDS)
