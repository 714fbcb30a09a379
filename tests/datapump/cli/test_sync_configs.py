"""`sync-configs` against a real server."""

from __future__ import annotations

FIRES, AREAS = "8dbfafbe23ee15f5402b", "923435c989d9505fcb3c"


def switches(datapump):
    return {item["id"]: item["sync"] for item in datapump("sync-configs", "list", "--json").json()["items"]}


def test_configs_are_listed_with_whole_ids_and_filtered(datapump, analysed):
    lines = datapump("sync-configs", "list").stdout.splitlines()
    assert {line.split()[0]: line.split()[1] for line in lines if FIRES in line or AREAS in line} == {
        FIRES: "on",
        AREAS: "on",
    }
    assert set(switches(datapump)) == {FIRES, AREAS}
    fires = datapump("sync-configs", "list", "--type", "viirs", "--json").json()["items"]
    assert [item["id"] for item in fires] == [FIRES]
    assert datapump("sync-configs", "list", "--dataset", "gadm").stdout == (
        "no sync configs: a completed analysis with sync: true makes them\n"
    )


def test_a_config_is_switched_off_and_on(datapump, analysed):
    off = datapump("sync-configs", "disable", AREAS)
    assert (off.exit_code, off.stdout) == (0, f"{AREAS} rw_areas of geostore is off\n")
    assert switches(datapump) == {FIRES: True, AREAS: False}
    assert datapump("sync-configs", "disable", AREAS).exit_code == 0
    on = datapump("sync-configs", "enable", AREAS)
    assert (on.exit_code, on.stdout) == (0, f"{AREAS} rw_areas of geostore is on\n")
    assert switches(datapump) == {FIRES: True, AREAS: True}


def test_an_unknown_config_exits_with_2(datapump, analysed):
    result = datapump("sync-configs", "enable", "0" * 20)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: there is no sync config")


def test_an_unknown_type_exits_with_2(datapump):
    result = datapump("sync-configs", "list", "--type", "fires")
    assert result.exit_code == 2
    assert "viirs" in result.stderr
