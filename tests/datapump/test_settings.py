"""What is said of settings that cannot be used, before anything has happened."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from datapump.errors import InternalError, InvalidInputError
from datapump.settings import PipelineSettings, get_settings, read_settings


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("DATAPUMP_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def faults(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInputError) as raised:
        get_settings()
    return {fault.pointer: fault.message for fault in raised.value.faults}


def test_a_name_that_no_setting_has_is_refused_and_the_nearest_is_told(monkeypatch):
    assert faults("DATAPUMP_PATIENCES", "3", monkeypatch) == {
        "DATAPUMP_PATIENCES": "there is no such setting: is DATAPUMP_PATIENCE_S meant?"
    }


def test_a_name_in_the_file_that_no_setting_has_is_refused(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("DATAPUMP_VIIRSURL=x\nOTHER=1\n")
    told = faults("DATAPUMP_MODISURL", "x", monkeypatch)
    assert set(told) == {"DATAPUMP_VIIRSURL", "DATAPUMP_MODISURL"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATAPUMP_PATIENCE_S", "secret-value"),
        ("DATAPUMP_ENGINE", "secret-value"),
        ("DATAPUMP_NIGHTLY", "secret-value"),
        ("DATAPUMP_SLACK_WEBHOOKS", "secret-value"),
        ("DATAPUMP_SLACK_WEBHOOKS", '["secret-value"]'),
    ],
)
def test_a_bad_value_is_named_and_never_shown(name, value, monkeypatch):
    told = faults(name, value, monkeypatch)
    assert list(told) == [name]
    assert "secret-value" not in str(told)


def test_names_of_all_deployments_and_of_tests_are_known(monkeypatch):
    for name in ("STATE_MACHINE", "DISPATCHER_IMAGE", "TEST_DATA", "PORT"):
        monkeypatch.setenv(f"DATAPUMP_{name}", "1")
    assert get_settings().port == 1


def test_a_function_refuses_a_name_that_no_setting_has(monkeypatch):
    monkeypatch.setenv("DATAPUMP_ENVIRONMENT", "staging")
    monkeypatch.setenv("DATAPUMP_DATA_API_URL", "https://example.org")
    monkeypatch.setenv("DATAPUMP_POLL_MAXS", "3")
    with pytest.raises(InternalError, match="DATAPUMP_POLL_MAXS: there is no such setting: is DATAPUMP_POLL_MAX_S"):
        read_settings(PipelineSettings)


def test_the_command_line_says_so_in_words(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "from datapump.cli import main; main()", "serve", "--data", str(tmp_path / "data")],
        env={"PATH": os.environ["PATH"], "DATAPUMP_PATIENCES": "3"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: the settings cannot be used")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()
