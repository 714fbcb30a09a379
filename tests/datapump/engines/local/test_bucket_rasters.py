"""Layers in real buckets, over HTTP on this machine: what is there, what is not, and what is not answered."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys

import boto3
import numpy as np
import pytest
from moto.server import ThreadedMotoServer

from datapump.buckets import Buckets
from datapump.clock import SystemClock
from datapump.engines import RunState
from datapump.engines.local import zonal
from datapump.engines.local.bucket_rasters import OPEN
from datapump.engines.local.engine import LocalEngine
from datapump.engines.local.files import Files
from datapump.engines.local.run_folder import RunFolder
from datapump.errors import DataError, RemoteRefusedError, RemoteUnavailableError
from datapump.objects import Objects
from tests.datapump.engines.local.rasterworlds import RasterWorld, rerun, tile_id
from tests.datapump.engines.local.worlds import files, request
from tests.support.buckets import serving

LOSS, DENSITY, PEAT = "umd_tree_cover_loss", "umd_tree_cover_density_2000", "gfw_peatlands"
CORNER = (359997, 759997)
MISSING = (PEAT, tile_id(10, 8, 18))


@pytest.fixture
def world(tmp_path):
    """Two features around the corner of four tiles, one of which peat has not; its tables, made from files."""
    shape = (520, 520)
    found = RasterWorld("tcl", "geostore", CORNER, shape)
    dice = np.random.default_rng(1)
    found.layers = {
        LOSS: dice.integers(0, 24, shape).astype(np.uint8),
        DENSITY: dice.integers(0, 101, shape).astype(np.uint8),
        PEAT: dice.integers(0, 2, shape).astype(np.uint8),
    }
    found.absent = {MISSING}
    found.features = [(("a",), found.box()), (("b",), found.box().buffer(-0.01))]
    catalog = found.write(tmp_path / "files")
    found.manifest = rerun(found, tmp_path / "files", catalog)
    found.tables = files(tmp_path / "files" / "out")
    return found


@pytest.fixture
def server(world, tmp_path):
    """A server whose bucket `lake` holds the world's tiles."""
    with serving(tmp_path / "buckets") as found:
        for name in world.layers:
            shutil.move(tmp_path / "files" / name, tmp_path / "buckets" / "lake" / name)
        yield found


def run(tmp_path, buckets, scheme="s3", bucket="lake", **how):
    """The same analysis, its layers in a bucket, as in a process of its own: with no file open from before."""
    OPEN.close_all()
    folder = tmp_path / "again"
    folder.mkdir(exist_ok=True)
    names = (LOSS, DENSITY, PEAT)
    lines = [f'[layers.{name}]\nuri = "{scheme}://{bucket}/{name}/{{tile_id}}.tif"\n' for name in names]
    (folder / "layers.toml").write_text("".join(lines))
    shutil.copy(tmp_path / "files" / "features.tsv", folder)
    asked = request(folder, "geostore", "tcl", fire_sources=())
    kind = {"layers": folder / "layers.toml", "progress": lambda *_: None, **how}
    return zonal.run(asked, Files(None, buckets), **kind)


def same(world, tmp_path):
    """Whether the tables are those that were made from files."""
    found = files(tmp_path / "again" / "out")
    return found.keys() == world.tables.keys() and all(
        content == world.tables[name] for name, content in found.items() if not name.endswith("manifest.json")
    )


@pytest.mark.parametrize(("scheme", "processes"), [("s3", 2), ("gs", 1)])
def test_layers_in_a_bucket_give_the_tables_of_layers_in_files(world, server, tmp_path, scheme, processes):
    manifest = run(tmp_path, server.reached(), scheme, processes=processes)
    assert same(world, tmp_path)
    assert manifest["rasters"]["tiles_missing"] == world.manifest["rasters"]["tiles_missing"] == {PEAT: 1}
    assert manifest["layers"][PEAT] == f"{scheme}://lake/{PEAT}/{{tile_id}}.tif"


def started(server, tmp_path, patience_s=1.0):
    """A run of the engine whose layers and features lie in a real bucket, and its results in a folder; its end."""
    names = (LOSS, DENSITY, PEAT)
    lines = [f'[layers.{name}]\nuri = "s3://lake/{name}/{{tile_id}}.tif"\n' for name in names]
    (tmp_path / "layers.toml").write_text("".join(lines))
    shutil.copy(tmp_path / "files" / "features.tsv", server.folder / "lake")
    objects = Objects(tmp_path / "again", server.reached(real={"lake"}, patience_s=patience_s))
    engine = LocalEngine(tmp_path / "engine", objects, tmp_path / "layers.toml", 1, SystemClock(), processes=2)
    asked = request(tmp_path, "geostore", "tcl", features=("s3://lake/features.tsv",), fire_sources=())
    engine.start(asked.model_copy(update={"output": "s3://results/out"}))
    assert RunFolder(tmp_path / "engine" / "run-1").wait(100)
    return engine.find("run-1")


def test_a_worker_reads_real_buckets_and_writes_to_folders(world, server, tmp_path):
    status = started(server, tmp_path)
    assert status.state is RunState.SUCCEEDED, status.message
    found = files(tmp_path / "again" / "s3" / "results" / "out")
    assert {name for name in found if found[name] != world.tables[name]} == {"manifest.json"}
    assert status.summary["rasters"]["tiles_missing"] == {PEAT: 1}


@pytest.mark.parametrize(("status", "retryable"), [(503, True), (403, False)])
def test_a_worker_that_a_bucket_fails_says_why_and_whether_to_try_again(server, tmp_path, status, retryable):
    server.answers = lambda _, path: status if path.endswith("00N_010E.tif") else None
    told = started(server, tmp_path, 0.3)
    assert (told.state, told.retryable) == (RunState.FAILED, retryable)
    assert "s3://lake/" in told.message
    assert str(status) in told.message


ALONE = """
import pickle, sys
from datapump.engines.local import zonal
from datapump.engines.local.files import Files
request, buckets, layers = pickle.load(open(sys.argv[1], "rb"))
zonal.run(request, Files(None, buckets), layers=layers, progress=lambda *_: None, processes=1)
"""


def test_a_process_that_has_read_a_bucket_ends_without_a_fault(world, server, tmp_path):
    run(tmp_path, server.reached())
    shutil.rmtree(tmp_path / "again" / "out")
    asked = request(tmp_path / "again", "geostore", "tcl", fire_sources=())
    (tmp_path / "asked").write_bytes(pickle.dumps((asked, server.reached(), tmp_path / "again" / "layers.toml")))
    done = subprocess.run(
        [sys.executable, "-c", ALONE, tmp_path / "asked"], capture_output=True, check=False, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert same(world, tmp_path)


def test_pixels_are_read_by_few_requests(server, tmp_path):
    run(tmp_path, server.reached())
    of_loss = [headers for method, path, headers in server.requests if method == "GET" and LOSS in path]
    assert 0 < len(of_loss) <= 4 * 14, "a header's page or two, and the blocks of each window, side by side"
    assert all("range" in headers for headers in of_loss)


def test_a_tile_that_may_not_be_read_is_not_taken_for_one_that_is_missing(server, tmp_path):
    server.answers = lambda _, path: 403 if path.endswith("00N_010E.tif") and PEAT in path else None
    with pytest.raises(RemoteRefusedError, match=rf"s3://lake/{PEAT}/00N_010E.tif may not be read"):
        run(tmp_path, server.reached())
    assert not (tmp_path / "again" / "out").exists()


@pytest.mark.parametrize("status", [500, 429])
def test_a_bucket_that_stays_silent_ends_the_run_after_its_patience(server, tmp_path, status):
    server.answers = lambda _, path: status if PEAT in path else None
    with pytest.raises(RemoteUnavailableError, match=f"s3://lake/{PEAT}/.*could not be read.*{status}"):
        run(tmp_path, server.reached(patience_s=0.5))
    assert not (tmp_path / "again" / "out").exists()
    assert sum(PEAT in path for _, path, _ in server.requests) > 4, "it was asked again"


def test_answers_that_fail_now_and_then_are_asked_for_again(world, server, tmp_path):
    server.answers = lambda number, _: 503 if number % 9 == 0 else None
    run(tmp_path, server.reached(patience_s=20))
    assert all(
        content == world.tables[name] for name, content in files(tmp_path / "again" / "out").items() if "part" in name
    )


def test_no_connection_at_all_is_no_answer(server, tmp_path):
    buckets = server.reached(patience_s=0.3)
    server.shutdown()
    server.server_close()
    with pytest.raises(RemoteUnavailableError, match="could not be read"):
        run(tmp_path, buckets)


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_a_bucket_that_is_not_there_is_no_bucket_without_tiles(server, tmp_path, scheme):
    with pytest.raises(RemoteRefusedError, match=rf"{scheme}://laek/.* there is no such bucket"):
        run(tmp_path, server.reached(), scheme, "laek")


@pytest.mark.parametrize("status", [503, 403])
def test_a_bucket_that_fails_amid_the_pixels_ends_the_run_and_the_next_goes_on(world, server, tmp_path, status):
    run(tmp_path, server.reached())
    needed = len(server.requests)
    shutil.rmtree(tmp_path / "again" / "out")
    server.requests.clear()
    server.answers = lambda number, _: status if number > needed - 2 else None
    with pytest.raises((RemoteUnavailableError, RemoteRefusedError), match=r"s3://lake/.*.tif"):
        run(tmp_path, server.reached(patience_s=0.3), journals=tmp_path / "journals")
    assert not (tmp_path / "again" / "out").exists()
    server.requests.clear()
    server.answers = lambda *_: None
    run(tmp_path, server.reached(), journals=tmp_path / "journals")
    assert len(server.requests) < needed - 10, "windows that were read before were not read again"
    assert same(world, tmp_path)


def test_a_tile_that_changes_under_way_ends_the_run(server, tmp_path):
    tile = tmp_path / "buckets" / "lake" / LOSS / "00N_010E.tif"

    def change(number, path):
        if path.endswith(f"{LOSS}/00N_010E.tif") and number > 20:
            tile.write_bytes(tile.read_bytes() + b"\0")

    server.answers = change
    with pytest.raises(DataError, match=r"00N_010E.tif was changed while it was read"):
        run(tmp_path, server.reached())


def test_a_tile_that_is_cut_off_is_damaged(server, tmp_path):
    tile = tmp_path / "buckets" / "lake" / LOSS / "00N_010E.tif"
    tile.write_bytes(tile.read_bytes()[:-2000])
    with pytest.raises(DataError, match=r"s3://lake/umd_tree_cover_loss/00N_010E.tif"):
        run(tmp_path, server.reached())


def test_a_reader_that_pays_says_so_and_who_it_is(server, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    run(tmp_path, server.reached(requester_pays=True, unsigned=frozenset()))
    assert all("somebody" in headers["authorization"] for _, _, headers in server.requests)
    assert {headers.get("x-amz-request-payer") for _, _, headers in server.requests} == {"requester"}


@pytest.fixture(scope="module")
def moto():
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.mark.parametrize("public", [True, False])
def test_s3_is_read_with_the_credentials_of_the_aws_sdk_and_public_buckets_without(
    world, server, tmp_path, moto, monkeypatch, public
):
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    bucket = f"lake-{public}".lower()
    s3 = boto3.client(
        "s3", endpoint_url=moto, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    s3.create_bucket(Bucket=bucket)
    rights = {"ACL": "public-read"} if public else {}
    for path in sorted((tmp_path / "buckets" / "lake").rglob("*.tif")):
        key = str(path.relative_to(tmp_path / "buckets" / "lake"))
        s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes(), **rights)
    buckets = Buckets(region="us-east-1", s3_endpoint=moto, patience_s=5)
    with pytest.raises(RemoteRefusedError, match=r"AWS SDK finds no credentials.*DATAPUMP_UNSIGNED_BUCKETS"):
        run(tmp_path, buckets, bucket=bucket)
    unsigned = buckets.model_copy(update={"unsigned": frozenset({bucket})})
    if public:
        run(tmp_path, unsigned, bucket=bucket)
    else:
        with pytest.raises(RemoteRefusedError, match="may not be read with these credentials"):
            run(tmp_path, unsigned, bucket=bucket)
        (tmp_path / "credentials").write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b\n")
        run(tmp_path, buckets, bucket=bucket)
    assert all(
        content == world.tables[name] for name, content in files(tmp_path / "again" / "out").items() if "part" in name
    )
