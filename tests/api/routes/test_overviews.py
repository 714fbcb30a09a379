import pytest

from api.examples import COMMANDS
from datapump.analyses import Analysis, SyncType
from datapump.executions import Execution, ExecutionStatus
from datapump.jobs.documents import AnalysisJob, JobStatus
from datapump.sources.registry import SOURCES
from datapump.sync_configs import Freshness


def job(config, name, **changes):
    document = {**COMMANDS["continue_jobs"]["parameters"]["jobs"][0], "id": name, "sync_config": config.id}
    return AnalysisJob.model_validate(document, strict=False).model_copy(update=changes)


def night(world, config, status, errors=(), *, jobs=True):
    """A sync execution with one job of the config, which ends in a status; None leaves it open."""
    clock = world.services.clock
    made = Execution(id=clock.new_id(), command=COMMANDS["sync"], fingerprint="f", caller="cron", created=clock.now())
    world.runs.create_execution(made)
    world.runs.begin(made.id, [job(config, f"j{made.id}")] if jobs else [], [], errors)
    if jobs and status is not None:
        ended = job(config, f"j{made.id}", status=status, end_time=clock.now(), message="why")
        world.runs.save_job(made.id, ended, 1)
    if status is not None or not jobs:
        good = status is JobStatus.COMPLETE and not errors
        world.runs.finish(made.id, ExecutionStatus.SUCCEEDED if good else ExecutionStatus.FAILED)
    return world.runs.get_execution(made.id)


def fresh(reader, query=""):
    response = reader.get(f"/freshness{query}")
    assert response.status_code == 200, response.text
    return response.json()["items"]


def moment(value):
    return value.isoformat().replace("+00:00", "Z")


def test_the_catalog_says_what_is_available_here(world, reader):
    object.__setattr__(world.services, "analyses", frozenset({Analysis.VIIRS}))
    object.__setattr__(world.services, "engines", ("local", "emr"))
    catalog = reader.get("/catalog").json()
    assert (catalog["engine"], catalog["engines"]) == ("local or emr", ["local", "emr"])
    assert [entry["name"] for entry in catalog["analyses"] if entry["available"]] == ["viirs"]
    available = [entry["name"] for entry in catalog["sync_types"] if entry["available"]]
    assert {*SOURCES, "wur_radd_alerts", "gfw_integrated_dist_alerts"} <= set(available) <= set(SyncType)
    assert "gadm" in catalog["feature_types"]


def test_the_catalog_tells_how_raster_datasets_are_made(reader):
    found = {recipe["dataset"]: recipe for recipe in reader.get("/catalog").json()["recipes"]}
    assert len(found) == 6
    dist = found["umd_glad_dist_alerts"]
    assert (dist["schedule"], dist["source"], dist["keep_days"]) == (
        "19:00", "gs://earthenginepartners-hansen/DIST-ALERT", None,
    )  # fmt: skip
    assert [asset["made_from"] for asset in dist["assets"] if asset["name"] == "intensity_cog"] == [["intensity"]]
    assert found["gfw_integrated_alerts"]["sync_type"] == "integrated_alerts"
    assert found["gfw_integrated_dist_alerts"]["source"] == "gfw_integrated_alerts"
    assert "{confidence}" in found["umd_glad_landsat_alerts"]["assets"][0]["formula"]


def test_a_config_that_never_ran_is_not_behind(world, reader):
    config = world.add_config()
    (item,) = fresh(reader)
    assert item["config_id"] == config.id
    assert {item[name] for name in ("last_run", "last_success", "behind_since", "checked", "feed_error")} == {None}


def test_a_config_is_behind_since_the_first_night_that_failed(world, reader):
    config = world.add_config()
    good = night(world, config, JobStatus.COMPLETE)
    first = night(world, config, JobStatus.FAILED)
    second = night(world, config, JobStatus.FAILED)
    (item,) = fresh(reader)
    assert item["last_success"]["execution_id"] == good.id
    assert (item["last_run"]["execution_id"], item["last_run"]["status"]) == (second.id, "failed")
    assert item["behind_since"] == moment(first.created)
    assert item["checked"] == moment(second.finished)


def test_what_the_last_look_found_and_decided_is_told(world, reader):
    config = world.add_config()
    (item,) = fresh(reader)
    assert [item[name] for name in ("source_newest", "published", "decided")] == [None, None, None]
    tag = reader.get(f"/sync-configs/{config.id}").headers["etag"]
    found = Freshness(source_newest="v2", published="v1", decided="a job for v2", at=world.services.clock.now())
    world.sync_configs.record_freshness(config.id, found)
    (item,) = fresh(reader)
    assert [item[name] for name in ("source_newest", "published", "decided")] == ["v2", "v1", "a job for v2"]
    assert reader.get(f"/sync-configs/{config.id}").headers["etag"] == tag


def test_a_night_that_is_made_up_for_is_forgotten(world, reader):
    config = world.add_config()
    night(world, config, JobStatus.FAILED)
    night(world, config, JobStatus.COMPLETE)
    assert fresh(reader)[0]["behind_since"] is None


def test_a_config_whose_news_are_being_loaded_is_behind(world, reader):
    config = world.add_config()
    night(world, config, JobStatus.COMPLETE)
    running = night(world, config, None)
    assert fresh(reader)[0]["behind_since"] == moment(running.created)


def test_a_feed_that_cannot_be_read_is_told_and_another_feeds_is_not(world, reader):
    fires, modis = world.add_config(), world.add_config(analysis="modis")
    broken = night(world, fires, None, errors=["viirs: FIRMS answered 404"], jobs=False)
    items = {item["config_id"]: item for item in fresh(reader)}
    assert items[fires.id]["feed_error"] == "viirs: FIRMS answered 404"
    assert items[fires.id]["behind_since"] == moment(broken.created)
    assert (items[modis.id]["feed_error"], items[modis.id]["behind_since"]) == (None, None)


def test_only_enabled_configs_are_told_of_by_filter_and_page(world, reader):
    configs = [world.add_config(version=f"v{number}") for number in range(5)]
    world.add_config(dataset="geostore", sync=False)
    modis = world.add_config(analysis="modis")
    assert [item["config_id"] for item in fresh(reader, "?sync_type=modis")] == [modis.id]
    assert fresh(reader, "?dataset=geostore") == []
    seen, query = [], "?limit=2&analysis=viirs"
    while query:
        page = reader.get(f"/freshness{query}").json()
        seen += [item["config_id"] for item in page["items"]]
        query = page["next"] and f"?limit=2&analysis=viirs&cursor={page['next']}"
    assert seen == sorted(config.id for config in configs)


@pytest.mark.parametrize("query", ["?dataset=X", "?analysis=x", "?sync_type=x", "?limit=0", "?sync=false"])
def test_bad_filters_are_refused(reader, query):
    assert reader.get(f"/freshness{query}").status_code == 422
