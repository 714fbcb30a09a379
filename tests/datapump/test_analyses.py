"""The vocabulary, and how recipes and the registry of sources add to it."""

from __future__ import annotations

import copy
import pickle

import pytest
from pydantic import TypeAdapter, ValidationError

from datapump.analyses import SyncType, sync_types
from datapump.commands import parse_command
from datapump.errors import InvalidInputError
from datapump.settings import get_settings
from datapump.sources.registry import SOURCES


@pytest.fixture
def recipes_folder(tmp_path, monkeypatch):
    """A folder of recipes that this process's settings name."""
    monkeypatch.setenv("DATAPUMP_RECIPES", str(tmp_path))
    get_settings.cache_clear()
    yield tmp_path
    get_settings.cache_clear()


def test_every_feed_and_every_recipe_is_a_sync_type():
    assert sync_types() == list(SyncType)
    assert len(sync_types()) == 10
    assert set(SOURCES) <= set(sync_types())


def test_an_unknown_name_is_none():
    with pytest.raises(ValueError, match="'nonsense' is not a valid SyncType"):
        SyncType("nonsense")
    with pytest.raises(ValidationError):
        TypeAdapter(SyncType).validate_json('"nonsense"')


def test_a_line_of_the_registry_adds_a_sync_type(monkeypatch):
    monkeypatch.setitem(SOURCES, "lightning", "somewhere.lightning")
    added = SyncType("lightning")
    assert added is SyncType("lightning")
    assert (added, f"{added}", added.name) == ("lightning", "lightning", "LIGHTNING")
    assert {added: 1}["lightning"] == 1
    assert copy.deepcopy(added) is added
    assert pickle.loads(pickle.dumps(added)) is added  # noqa: S301 - our own
    assert sync_types()[-1] is added
    assert "lightning" in TypeAdapter(SyncType).json_schema()["enum"]
    command = parse_command('{"command": "sync", "parameters": {"types": ["lightning"]}}')
    assert command.parameters.types == [added]
    assert command.model_dump(mode="json")["parameters"]["types"] == ["lightning"]


def test_an_unknown_type_in_a_command_is_refused_by_pointer():
    with pytest.raises(InvalidInputError) as caught:
        parse_command('{"command": "sync", "parameters": {"types": ["nonsense"]}}')
    (fault,) = caught.value.faults
    assert fault.pointer == "/parameters/types/0"
    assert "'viirs'" in fault.message


def test_a_recipe_adds_a_sync_type(recipes_folder):
    from datapump.recipes import BUILT_IN  # noqa: PLC0415 - beside what it is copied for

    text = (BUILT_IN / "wur_radd_alerts.toml").read_text().replace('"wur_radd_alerts"', '"further_alerts"')
    (recipes_folder / "further_alerts.toml").write_text(text)
    assert SyncType("further_alerts") in sync_types()
