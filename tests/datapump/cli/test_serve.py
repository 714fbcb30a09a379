"""`serve`: one server on a data folder and a port, ended by a signal; and what the command line offers."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from datapump.cli.serve import in_background
from datapump.errors import StorageError
from datapump.settings import Settings
from tests.support.programs import need
from tests.support.server import ROOT, ServerProcess, free_port

RIGHTS = "-dac_override,-dac_read_search"
SERVE_EACH = """
import sys
from pathlib import Path
from datapump.cli.serve import in_background
from datapump.errors import StorageError
from datapump.settings import Settings
for folder in sys.argv[2:]:
    try:
        with in_background(Settings(_env_file=None, data_dir=Path(folder), port=int(sys.argv[1]), nightly=False)):
            print("served")
    except StorageError as error:
        print(error.message)
"""
PROGRAM = "from datapump.cli import main; main()"


def serve(data, port):
    program = [sys.executable, "-c", PROGRAM, "serve", "--data", str(data), "--port", str(port)]
    return subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_a_second_server_on_the_same_data_is_refused(server):
    second = serve(server.data, free_port())
    assert second.returncode == 2
    assert second.stderr == f"error: another datapump server runs on the data folder {server.data}: stop it first\n"


def test_a_second_server_on_the_same_port_fails(server, tmp_path):
    second = serve(tmp_path / "data", server.port)
    assert second.returncode == 1
    assert second.stderr.splitlines()[-1] == (
        f"error: cannot serve on 127.0.0.1:{server.port}: is the port taken? choose another (--port, or PORT=)"
    )
    for service in ("data-api", "areas-api"):
        program = [sys.executable, "-c", PROGRAM, "embedded", service, "--port", str(server.port)]
        (tmp_path / "areas").mkdir(exist_ok=True)
        alone = subprocess.run(
            [*program, "--data", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        assert (alone.returncode, alone.stderr.splitlines()[-1]) == (1, second.stderr.splitlines()[-1])


def test_a_data_folder_that_cannot_be_used_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    refused = serve(tmp_path / "file" / "data", free_port())
    assert refused.returncode == 1
    assert refused.stderr == f"error: the data folder {tmp_path}/file/data cannot be used: Not a directory\n"


@pytest.fixture
def used(tmp_path):
    """A data folder that a server has left."""
    settings = Settings(_env_file=None, data_dir=tmp_path / "data", port=free_port(), nightly=False)
    with in_background(settings):
        pass
    return settings


def test_a_damaged_store_is_told_by_its_path_and_stays_as_it_is(used):
    parts = {
        "data_api/data_api.sqlite": "the Data API's store {} cannot be used: file is not a database",
        "datapump.sqlite": "the store {} cannot be opened: ",
    }
    for part, words in parts.items():
        path = used.data_dir / part
        path.write_bytes(b"no database" * 100)
        with pytest.raises(StorageError) as raised, in_background(used):
            pass
        assert raised.value.message.startswith(words.format(path))
        assert path.read_bytes() == b"no database" * 100


def test_parts_that_belong_to_somebody_else_are_told_by_their_paths(used):
    cases = {
        "data_api": "the data folder {data} cannot be used: {part} is not this user's to write",
        "secrets/admin-key": "the secret {part} cannot be used: [Errno 13] Permission denied",
        "datapump.sqlite": "datapump.sqlite could not be written: attempt to write a readonly database",
    }
    folders = {part: shutil.copytree(used.data_dir, used.data_dir.parent / part.replace("/", "-")) for part in cases}
    for part, folder in folders.items():
        (folder / part).chmod(0o444 if part.endswith("sqlite") else 0)
    program = [*unprivileged(), sys.executable, "-c", SERVE_EACH, str(free_port()), *map(str, folders.values())]
    told = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    assert len(told) == len(cases)
    for line, (part, folder) in zip(told, folders.items(), strict=True):
        assert cases[part].format(data=folder, part=folder / part) in line


def unprivileged():
    """What takes from root the right to use any file; anybody else never had it."""
    if os.geteuid():
        return ()
    # Root may use any file otherwise.
    need("setpriv", "util-linux")
    return ("setpriv", "--bounding-set", RIGHTS, "--inh-caps", RIGHTS)


def test_a_faulty_recipe_is_told_before_anything_is_served(tmp_path, monkeypatch):
    (tmp_path / "hail_alerts.toml").write_text('dataset = "hail_alerts"\n')
    monkeypatch.setenv("DATAPUMP_RECIPES", str(tmp_path))
    refused = serve(tmp_path / "data", free_port())
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"error: {tmp_path}/hail_alerts.toml: title: is required; schedule: is required")
    assert not (tmp_path / "data").exists()


def test_it_ends_on_a_signal_logs_what_failed_and_leaves_its_secrets_to_its_owner_alone(tmp_path):
    server = ServerProcess(tmp_path / "data")
    with server:
        secrets = sorted((tmp_path / "data" / "secrets").iterdir())
        assert [(path.name, path.stat().st_mode & 0o777) for path in secrets] == [
            ("admin-key", 0o600),
            ("areas-api-token", 0o600),
            ("cursor-key", 0o600),
            ("data-api-token", 0o600),
        ]
        with server.client() as client:
            made = client.submit('{"command": "set_latest", "parameters": {"analysis_version": "v1"}}')
            client.wait(made["id"])
        server._process.send_signal(signal.SIGINT)
        assert server._process.wait(timeout=30) in {0, 130}
    (line,) = [line for line in server.log.read_text().splitlines() if made["id"] in line]
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ERROR datapump.end_messages: execution ", line)
    assert line.endswith("no sync config has the analysis version v1: nothing to mark latest")


def test_every_command_is_offered_with_a_word_on_what_it_does(datapump):
    text = datapump("--help").stdout
    for name in (
        "serve",
        "submit",
        "watch",
        "executions",
        "stop",
        "sync-configs",
        "results",
        "tool",
        "embedded",
        "demo",
    ):
        assert f" {name} " in text
        assert datapump(name, "--help").exit_code == 0
        assert "--install-completion" not in datapump(name, "--help").stdout


def test_what_is_no_key_or_no_address_is_told_with_where_it_comes_from(datapump, environment, server):
    environment(url=server.url, api_key="dp_nobody")
    unknown = datapump("executions")
    assert (unknown.exit_code, "DATAPUMP_API_KEY" in unknown.stderr) == (2, True)
    for url in ("localhost:8000", "http://[::1"):
        environment(url=url, api_key="dp_nobody")
        nowhere = datapump("executions")
        assert (nowhere.exit_code, "is no http or https URL: set DATAPUMP_URL" in nowhere.stderr) == (2, True)
