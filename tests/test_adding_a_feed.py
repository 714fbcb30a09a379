"""`docs/adding-a-feed.md`, done as it says: a raster dataset by one file, a feed by one module, a test and a line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from datapump.analyses import SyncType, sync_types
from datapump.commands import parse_command
from datapump.errors import InvalidInputError
from datapump.settings import get_settings
from datapump.sources.registry import SOURCES
from datapump.sync_configs import SyncConfig, SyncMetadata, config_id
from tests.support.deployment import AREA, GEOSTORES, HEADER, Deployment, copied
from tests.support.tifs import data, write_small

PAGE = Path(__file__).parent.parent / "docs" / "adding-a-feed.md"
BLOCK = re.compile(r"```(?:toml|python)\n(.*?)```", re.DOTALL)
TABLE = "geostore__viirs__daily_alerts"


def shown(first_line):
    """The block of the page that begins so."""
    (found,) = [block for block in BLOCK.findall(PAGE.read_text()) if block.strip().startswith(first_line)]
    return found


@pytest.fixture
def deployment(night_folder, tmp_path):
    with copied(night_folder, tmp_path / "copy") as deployment:
        yield deployment


@pytest.fixture
def lightning(tmp_path, monkeypatch):
    """The feed's module and its line."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "lightning.py").write_text(shown("# datapump/sources/lightning.py"))
    monkeypatch.syspath_prepend(folder)
    name, module = re.fullmatch(r'"(\w+)": "([\w.]+)",', shown('"lightning"').strip()).groups()
    assert module == "datapump.sources.lightning"
    monkeypatch.setitem(SOURCES, name, "lightning")


@pytest.fixture
def config(deployment):
    identity = config_id("viirs", "v1", "geostore", "v1", "lightning")
    return deployment.sync_configs.put(
        SyncConfig(
            id=identity,
            analysis="viirs",
            analysis_version="v1",
            dataset="geostore",
            dataset_version="v1",
            sync_type=SyncType("lightning"),
            metadata=SyncMetadata(geotrellis_version="2.6.20", features_1x1=GEOSTORES),
        )
    )


def test_the_page_s_own_test_passes(lightning, deployment, config):
    found = {}
    exec(shown("# tests/datapump/sources/test_lightning.py"), found)  # noqa: S102 - our own page
    tests = [value for name, value in found.items() if name.startswith("test_")]
    assert len(tests) == 1
    tests[0](deployment, config)


def test_a_feed_of_one_module_and_one_line_reaches_the_tables(lightning, deployment, config):
    strikes = f"{HEADER}\n10.15\t10.05\t2026-01-18\t0300\tn\t300.5\t290.5\t1.5\n"
    deployment.objects.put("s3://gfw-data-lake/lightning_strikes/v20260118.tsv", strikes.encode())
    before = deployment.rows(TABLE)
    command = {"command": "sync", "parameters": {"types": ["lightning"]}}
    execution = deployment.run(command)
    assert execution.status == "succeeded", execution.errors
    assert [row for row in deployment.rows(TABLE) if row not in before] == [(AREA, "2026-01-18", 1)]
    assert deployment.sync_configs.get(config.id).sync_version == "v20260118"
    again = deployment.run(command)
    assert (again.status, deployment.jobs(again.id)) == ("succeeded", [])
    assert again.notes == ["lightning: nothing to do: v20260118 is in the tables"]


@pytest.fixture
def hail(tmp_path, monkeypatch):
    """A folder with the one file, that the process's settings name."""
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "hail_alerts.toml").write_text(shown("# hail_alerts.toml"))
    monkeypatch.setenv("DATAPUMP_RECIPES", str(folder))
    get_settings.cache_clear()
    yield folder
    get_settings.cache_clear()


def test_a_raster_dataset_of_one_file_is_published(hail, tmp_path):
    assert SyncType("hail_alerts") in sync_types()
    command = {"command": "sync", "parameters": {"types": ["hail_alerts"]}}
    with Deployment(tmp_path / "deployment", recipes=hail) as deployment:
        uri = "gs://hail-watch/alerts/v20260130/north.tif"
        write_small(deployment.objects.path(uri), np.full((3, 2), 700, "uint16"), 10, 10, 90 / 1008)
        execution = deployment.run(command)
        assert execution.status == "succeeded", (execution.errors, deployment.jobs(execution.id))
        assert deployment.data_api.latest("hail_alerts") == "v20260130"
        folder = "s3://gfw-data-lake/hail_alerts/v20260130/raster/epsg-4326"
        kinds = [asset["asset_type"] for asset in deployment.data_api.assets("hail_alerts", "v20260130")]
        assert kinds == ["Raster tile set", "Raster tile set", "COG"]
        assert set(data(deployment.objects.path(f"{folder}/cog/default.tif")).values()) == {20700}
        again = deployment.run(command)
        assert (again.status, deployment.jobs(again.id)) == ("succeeded", [])
        assert again.notes == ["hail_alerts: nothing to do: v20260130 is published, and v20260130 is not newer"]


def test_a_type_that_no_file_names_is_refused():
    with pytest.raises(InvalidInputError):
        parse_command('{"command": "sync", "parameters": {"types": ["wind_alerts"]}}')
