"""`serve`: one server on a data folder and a port, ended by a signal; and what the command line offers."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.support.server import ROOT, ServerProcess, free_port

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


def test_a_data_folder_that_cannot_be_used_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    refused = serve(tmp_path / "file" / "data", free_port())
    assert refused.returncode == 1
    assert refused.stderr == f"error: the data folder {tmp_path}/file/data cannot be used: Not a directory\n"


def test_a_faulty_recipe_is_told_before_anything_is_served(tmp_path, monkeypatch):
    (tmp_path / "hail_alerts.toml").write_text('dataset = "hail_alerts"\n')
    monkeypatch.setenv("DATAPUMP_RECIPES", str(tmp_path))
    refused = serve(tmp_path / "data", free_port())
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"error: {tmp_path}/hail_alerts.toml: title: is required; schedule: is required")
    assert not (tmp_path / "data").exists()


def test_it_ends_on_a_signal_and_leaves_its_secrets_to_its_owner_alone(tmp_path):
    server = ServerProcess(tmp_path / "data")
    with server:
        secrets = sorted((tmp_path / "data" / "secrets").iterdir())
        assert [(path.name, path.stat().st_mode & 0o777) for path in secrets] == [
            ("admin-key", 0o600),
            ("areas-api-token", 0o600),
            ("cursor-key", 0o600),
            ("data-api-token", 0o600),
        ]
        server._process.send_signal(signal.SIGINT)
        assert server._process.wait(timeout=30) in {0, 130}


def test_every_command_is_offered_with_a_word_on_what_it_does(datapump):
    text = datapump("--help").stdout
    for name in ("serve", "submit", "watch", "executions", "stop", "sync-configs", "tool", "embedded", "demo"):
        assert f" {name} " in text
        assert datapump(name, "--help").exit_code == 0
