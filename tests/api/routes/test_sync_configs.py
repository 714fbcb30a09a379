import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datapump.errors import ConflictError
from datapump.sync_configs import SyncMetadata

MERGE_PATCH = "application/merge-patch+json"


def patch(client, config, changes, if_match="*", media_type=MERGE_PATCH):
    headers = {"Content-Type": media_type} | ({} if if_match is None else {"If-Match": if_match})
    return client.patch(f"/sync-configs/{config.id}", content=json.dumps(changes), headers=headers)


def ids(response):
    assert response.status_code == 200, response.text
    return [item["id"] for item in response.json()["items"]]


@pytest.fixture
def config(world):
    metadata = SyncMetadata(
        geotrellis_version="2.4.1",
        features_1x1="s3://gfw-pipelines/features/gadm.tsv",
        version_overrides={"all": "v1", "whitelist": "v2"},
        alerts_until="2026-11-21 2359",
    )
    return world.add_config(metadata=metadata)


def test_a_config_is_shown_with_its_tag(reader, config):
    response = reader.get(f"/sync-configs/{config.id}")
    assert response.status_code == 200
    assert response.headers["etag"] == '"1"'
    assert response.json() == {
        "id": config.id,
        "analysis": "viirs",
        "analysis_version": "v20261101",
        "dataset": "gadm",
        "dataset_version": "v4.1",
        "sync_type": "viirs",
        "sync": True,
        "sync_version": None,
        "metadata": {
            "geotrellis_version": "2.4.1",
            "features_1x1": "s3://gfw-pipelines/features/gadm.tsv",
            "version_overrides": {"all": "v1", "whitelist": "v2"},
            "alerts_until": "2026-11-21 2359",
            "unfinished": None,
            "sources": None,
            "areas_owed": None,
        },
        "revision": 1,
        "updated": response.json()["updated"],
    }
    assert reader.head(f"/sync-configs/{config.id}").headers["etag"] == '"1"'


def test_an_unknown_config_is_not_found(operator, config):
    assert operator.get("/sync-configs/nope").status_code == 404
    assert operator.patch("/sync-configs/nope", json={"sync": False}).status_code == 428
    assert operator.patch("/sync-configs/nope", json={}, headers={"If-Match": "*"}).status_code == 404


def test_filters(world, reader):
    viirs = world.add_config()
    modis = world.add_config(analysis="modis", sync=False)
    areas = world.add_config(dataset="geostore_areas", sync_type="rw_areas", version="v2")
    every = sorted(config.id for config in (viirs, modis, areas))
    assert ids(reader.get("/sync-configs")) == every
    assert ids(reader.get("/sync-configs?dataset=geostore_areas")) == [areas.id]
    assert ids(reader.get("/sync-configs?analysis=modis")) == [modis.id]
    assert ids(reader.get("/sync-configs?sync_type=rw_areas")) == [areas.id]
    assert ids(reader.get("/sync-configs?sync=false")) == [modis.id]
    assert ids(reader.get("/sync-configs?sync=true&analysis=viirs&analysis_version=v20261101")) == [viirs.id]
    assert ids(reader.get("/sync-configs?analysis=create_raster")) == []


@pytest.mark.parametrize(
    "query", ["dataset=X", "analysis=x", "sync_type=x", "sync=maybe", "analysis_version=latest", "limit=0", "after=x"]
)
def test_bad_filters_are_refused(reader, query):
    response = reader.get(f"/sync-configs?{query}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["parameter"] == query.split("=")[0]


def test_pages_hold_every_config_once(world, reader):
    every = sorted(world.add_config(version=f"v{number}").id for number in range(7))
    seen, address = [], "/sync-configs?limit=2&sync=true"
    while address:
        response = reader.get(address)
        seen += ids(response)
        address = response.headers.get("link", "").removeprefix("<").removesuffix('>; rel="next"')
    assert seen == every


@pytest.mark.parametrize("media_type", [MERGE_PATCH, "application/json"])
def test_the_switch_is_turned(world, operator, config, media_type):
    response = patch(operator, config, {"sync": False}, media_type=media_type)
    assert response.status_code == 200
    assert response.json()["sync"] is False
    assert response.headers["etag"] == '"2"'
    assert world.sync_configs.get(config.id).sync is False
    assert world.sync_configs.get(config.id).metadata == config.metadata


def test_what_changes_nothing_keeps_its_tag(operator, config):
    for changes in ({}, {"sync": True}, {"metadata": {}}, {"metadata": {"geotrellis_version": "2.4.1"}}):
        assert patch(operator, config, changes).headers["etag"] == '"1"'


@pytest.mark.parametrize(
    ("changes", "key", "value"),
    [
        ({"geotrellis_version": "2.5.0"}, "geotrellis_version", "2.5.0"),
        ({"geotrellis_version": None}, "geotrellis_version", ""),
        ({"features_1x1": "s3://b-1/x/*.tsv"}, "features_1x1", "s3://b-1/x/*.tsv"),
        ({"features_1x1": None}, "features_1x1", ""),
        ({"version_overrides": {"all": "v3"}}, "version_overrides", {"all": "v3", "whitelist": "v2"}),
        ({"version_overrides": {"all": None}}, "version_overrides", {"whitelist": "v2"}),
        ({"version_overrides": {"gone": None}}, "version_overrides", {"all": "v1", "whitelist": "v2"}),
        ({"version_overrides": None}, "version_overrides", {}),
    ],
)
def test_metadata_is_merged(world, operator, config, changes, key, value):
    response = patch(operator, config, {"metadata": changes})
    assert response.status_code == 200
    expected = {**config.metadata.model_dump(exclude={"freshness"}), key: value}
    stored = world.sync_configs.get(config.id).metadata.model_dump(exclude={"freshness"})
    assert response.json()["metadata"] == stored == expected


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        (None, ""),
        ([], ""),
        ({"sync": None}, "/sync"),
        ({"reason": " "}, "/reason"),
        ({"reason": "x" * 501}, "/reason"),
        ({"sync": "false"}, "/sync"),
        ({"sync": 0}, "/sync"),
        ({"dataset": "x"}, "/dataset"),
        ({"revision": 1}, "/revision"),
        ({"sync_version": "v1"}, "/sync_version"),
        ({"metadata": None}, "/metadata"),
        ({"metadata": {"alerts_until": None}}, "/metadata/alerts_until"),
        ({"metadata": {"a/b": 1}}, "/metadata/a~1b"),
        ({"metadata": {"geotrellis_version": "new"}}, "/metadata/geotrellis_version"),
        ({"metadata": {"features_1x1": "/etc/passwd"}}, "/metadata/features_1x1"),
        ({"metadata": {"features_1x1": "s3://bucket/../x"}}, "/metadata/features_1x1"),
        ({"metadata": {"features_1x1": ""}}, "/metadata/features_1x1"),
        ({"metadata": {"version_overrides": {"all": "latest"}}}, "/metadata/version_overrides/all"),
        ({"metadata": {"version_overrides": {"ALL": "v1"}}}, "/metadata/version_overrides/ALL"),
        ({"metadata": {"version_overrides": []}}, "/metadata/version_overrides"),
    ],
)
def test_a_bad_patch_is_named_by_pointer_and_changes_nothing(world, operator, config, changes, pointer):
    response = patch(operator, config, changes)
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert world.sync_configs.get(config.id) == config


@pytest.mark.parametrize(
    ("if_match", "status"),
    [
        (None, 428),
        ('"1"', 200),
        ('"7", "1"', 200),
        ("*", 200),
        ('"2"', 412),
        ('"0", "01"', 412),
        ('W/"1"', 400),
        ("1", 400),
        ('"1', 400),
        ("", 400),
        ('"1" "2"', 400),
    ],
)
def test_if_match_guards_a_change(world, operator, config, if_match, status):
    response = patch(operator, config, {"sync": False}, if_match)
    assert response.status_code == status
    assert world.sync_configs.get(config.id).sync is (status != 200)
    if status != 200:
        assert (
            response.json()["type"]
            == {
                412: "/problems/stale",
                428: "/problems/precondition-required",
                400: "/problems/invalid-header",
            }[status]
        )


def test_of_two_changes_of_one_state_the_second_is_stale(operator, config):
    assert patch(operator, config, {"sync": False}, '"1"').status_code == 200
    assert patch(operator, config, {"sync": True}, '"1"').status_code == 412


def interfering(world, monkeypatch, times):
    """Let somebody else change the config right before each of the first patches."""
    real, left = world.sync_configs.patch, iter(range(times))

    def between(config_id, changes, *, revision=None, author=None):
        for number in left:
            real(config_id, {"metadata": {"version_overrides": {f"other_{number}": "v9"}}})
            break
        return real(config_id, changes, revision=revision, author=author)

    monkeypatch.setattr(world.sync_configs, "patch", between)


def test_a_change_of_any_state_is_merged_into_what_somebody_else_has_written(world, operator, config, monkeypatch):
    interfering(world, monkeypatch, 2)
    response = patch(operator, config, {"metadata": {"version_overrides": {"all": "v3"}}})
    assert response.status_code == 200
    assert response.json()["metadata"]["version_overrides"] == {"other_1": "v9", "all": "v3"}


def test_a_change_with_if_match_is_stale_when_somebody_else_is_faster(world, operator, config, monkeypatch):
    interfering(world, monkeypatch, 1)
    assert patch(operator, config, {"sync": False}, '"1"').status_code == 412
    assert world.sync_configs.get(config.id).sync is True


def test_a_change_that_never_gets_its_turn_is_a_conflict(world, operator, config, monkeypatch):
    def always(config_id, changes, *, revision=None, author=None):
        raise ConflictError("it has changed")

    monkeypatch.setattr(world.sync_configs, "patch", always)
    assert patch(operator, config, {"sync": False}).status_code == 409


def test_a_patch_of_another_media_type_is_refused(operator, config):
    response = patch(operator, config, {"sync": False}, media_type="application/json-patch+json")
    assert response.status_code == 415
    assert response.headers["accept"] == "application/merge-patch+json, application/json"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(["sync", "metadata", "version_overrides", "features_1x1", "geotrellis_version", "all"])
            | st.text(),
            children,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES)
def test_no_patch_breaks_the_service(operator, config, changes):
    assert patch(operator, config, changes).status_code in {200, 400, 422}
