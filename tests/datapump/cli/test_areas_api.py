"""The Areas API by itself, as a program."""

import json
import subprocess
import sys
from pathlib import Path

import httpx

from tests.datapump.embedded.data_api.serving import free_port

ROOT = Path(__file__).parents[3]
PROGRAM = [sys.executable, "-c", "from datapump.cli import main; main()", "embedded", "areas-api"]


def test_it_serves_the_areas_of_a_folder(tmp_path):
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [1, 2]}}
    folder = tmp_path / "farms"
    folder.mkdir()
    (folder / "farm.geojson").write_text(json.dumps(feature))
    with free_port() as (listening, _):
        port = listening.getsockname()[1]
    arguments = ["--port", str(port), "--data", str(tmp_path / "data"), "--folder", str(folder)]
    with subprocess.Popen([*PROGRAM, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        said = [process.stdout.readline().strip() for _ in range(3)]
        url = f"http://127.0.0.1:{port}"
        token = (tmp_path / "data" / "secrets" / "areas-api-token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        synced = httpx.post(f"{url}/v2/area/sync", headers=headers).json()
        process.terminate()
    assert said[0] == f"the Areas API listens on {url}"
    assert token not in "".join(said)
    assert synced["data"]["createdAreas"] == 1
