"""Published tables, read through the API of the production deployment from a Data API that asks for a key."""

from __future__ import annotations

from urllib.parse import urlencode

import boto3
import pytest

from tests.support.aws.names import REGION
from tests.support.deployment import ANALYSIS
from tests.support.twins import AwsTwin


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with AwsTwin(tmp_path_factory.mktemp("results")) as d:
        d.prepare()
        assert d.run(ANALYSIS).status == "succeeded"
        yield d


@pytest.fixture
def table(world):
    """The path of a table that has been published."""
    found = {item["dataset"]: item["versions"] for item in world.request("GET", "/results")["items"]}
    name = next(name for name in found if name.endswith("daily_alerts"))
    return f"/results/{name}/{found[name][0]}"


def test_a_table_is_shown_with_its_columns_and_rows(world, table):
    shown = world.request("GET", table)
    assert (shown["status"], shown["rows"] > 0) == ("saved", True)
    assert "alert__date" in {column["name"] for column in shown["columns"]}
    rows = world.request("GET", f"{table}/rows", query="limit=1")
    assert (len(rows["items"]), rows["limited"], rows["next"]) == (1, shown["rows"] > 1, None)


def test_rows_are_read_page_by_page_each_once(world):
    uri = "s3://gfw-pipelines/by-hand/rows.tsv"
    world.objects.put(uri, b"iso\talert__count\n" + b"".join(b"BRA\t%d\n" % (n % 3) for n in range(12)))
    made = {"source_type": "table", "source_driver": "text", "source_uri": [uri], "delimiter": "\t", "has_header": True}
    made["table_schema"] = [{"name": "iso", "data_type": "text"}, {"name": "alert__count", "data_type": "integer"}]
    made["indices"] = [{"index_type": "btree", "column_names": ["iso"]}]
    world.data_api.create_dataset("gadm__by_hand", {})
    world.data_api.create_version("gadm__by_hand", "v1", made)
    world.server.settle()
    path, seen, cursor = "/results/gadm__by_hand/v1/rows", [], ""
    while cursor is not None:
        asked = {"limit": "5", **({"cursor": cursor} if cursor else {})}
        page = world.request("GET", path, query=urlencode(asked))
        seen += [row["alert__count"] for row in page["items"]]
        cursor = page["next"]
        assert page["limited"] is (cursor is not None)
    assert seen == [0] * 4 + [1] * 4 + [2] * 4
    status, problem = world.answer("GET", path, query=urlencode({"limit": "5", "cursor": "bm9uZQ"}))
    assert (status, problem["type"]) == (400, "/problems/invalid-cursor")
    cursor = world.request("GET", path, query="limit=5")["next"]
    world.objects.put(f"{uri}.csv", b"iso\talert__count\nBRA\t9\n")
    world.data_api.append("gadm__by_hand", "v1", [f"{uri}.csv"])
    world.server.settle()
    status, problem = world.answer("GET", path, query=urlencode({"limit": "5", "cursor": cursor}))
    assert (status, problem["type"], problem["errors"][0]["parameter"]) == (400, "/problems/invalid-cursor", "cursor")
    assert "rows were added" in problem["detail"]


def test_totals_add_up_to_the_whole(world, table):
    asked = urlencode({"group_by": "alert__date", "sum": "alert__count"})
    days = world.request("GET", f"{table}/rows", query=asked)["items"]
    direct = world.data_api.query(*table.split("/")[2:], "SELECT sum(alert__count) AS total FROM data")
    assert sum(day["total"] for day in days) == direct[0]["total"] > 0


def test_of_areas_it_says_that_no_outlines_are_kept(world, table):
    status, problem = world.answer("GET", f"{table}/areas")
    assert (status, problem["type"]) == (501, "/problems/not-available")
    assert "keeps no outlines" in problem["detail"]


def test_what_is_not_there_is_not_found(world):
    assert world.answer("GET", "/results/nobody__knows/v1")[0] == 404


def test_without_its_key_it_says_why_there_are_no_rows_and_shows_the_rest(world, table):
    client = boto3.client("secretsmanager", region_name=REGION)
    client.delete_secret(SecretId="gfw-api/query-key", ForceDeleteWithoutRecovery=True)
    world.account.functions.forget()
    status, problem = world.answer("GET", f"{table}/rows")
    assert (status, problem["type"]) == (501, "/problems/not-available")
    assert "without an API key" in problem["detail"]
    assert world.request("GET", "/results")["items"]
