"""The Data API by itself, as a program."""

import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.datapump.embedded.data_api.serving import free_port

ROOT = Path(__file__).parents[3]
PROGRAM = [sys.executable, "-c", "from datapump.cli import main; main()", "embedded", "data-api"]


@contextmanager
def running(folder):
    with free_port() as (listening, url):
        port = listening.getsockname()[1]
    process = subprocess.Popen(
        [*PROGRAM, "--port", str(port), "--data", str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    with process:
        yield process, url, [process.stdout.readline().strip() for _ in range(3)]
        process.terminate()


def test_it_tells_its_address_and_where_the_token_is_and_keeps_both_data_and_token(tmp_path):
    tokens = []
    for status in (201, 400):
        with running(tmp_path) as (_, url, said):
            assert said[0] == f"the Data API listens on {url}"
            file = tmp_path / "secrets" / "data-api-token"
            assert said[1].endswith(str(file))
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            tokens.append(file.read_text().strip())
            assert tokens[-1] not in "".join(said)
            headers = {"Authorization": f"Bearer {tokens[-1]}"}
            answer = httpx.put(f"{url}/dataset/parks", json={"metadata": {}}, headers=headers)
            assert answer.status_code == status
    assert tokens[0] == tokens[1]


def test_a_folder_in_use_is_told_in_words(tmp_path):
    with running(tmp_path):
        second = subprocess.run(
            [*PROGRAM, "--port", "1", "--data", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
        )
    assert second.returncode == 2
    assert "in use by another process" in second.stderr
    assert "Traceback" not in second.stderr
