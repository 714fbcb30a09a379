"""`datapump demo`, which `make run` calls: everything embedded, from a command to published tables."""

from __future__ import annotations

import json
import signal
import threading
from contextlib import ExitStack
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from urllib.parse import urlsplit

import typer
from pydantic import SecretStr

from datapump.cli.bars_view import bars_view
from datapump.cli.executions import describe, follow
from datapump.cli.output import FAILED, escape, out, told
from datapump.cli.results_view import ResultTable, daily_chart, daily_view, tables_view
from datapump.cli.serve import in_background
from datapump.client import Client
from datapump.clients.data_api import DataApi
from datapump.clock import Clock, SystemClock
from datapump.embedded.sample.history import History, split
from datapump.embedded.sample.loading import load
from datapump.embedded.sample.rasters import write_rasters
from datapump.embedded.sample.region import draw_region
from datapump.embedded.sample.world import World, write
from datapump.errors import ConflictError
from datapump.objects import Objects
from datapump.secret_files import read, secret_file
from datapump.settings import Settings, get_settings
from datapump.sources.download import fetch
from datapump.sources.download_limits import DownloadLimits
from datapump.sources.fire_files import FireType, near_real_time_folder

if TYPE_CHECKING:
    from rich.console import RenderableType

CLOCK: Clock = SystemClock()
ANALYSIS_VERSION = "v20260101"
GEOTRELLIS_VERSION = "2.6.20"
RASTER_ANALYSES = ("tcl", "integrated_alerts")


class Scene(NamedTuple):
    """What is shown: a deployment, a world, and the fires that it has kept already."""

    settings: Settings
    world: World
    kept: History


def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    fires: Annotated[
        str, typer.Option(help="A real FIRMS file (path or URL) instead of the sample's fires; empty: the sample's.")
    ] = "",
    *,
    once: Annotated[bool, typer.Option("--once", help="Exit at the end, 0 only if everything succeeded.")] = False,
) -> None:
    """Start everything, load the sample world, analyse, sync, show the tables; then serve until Ctrl-C."""
    with told(), ExitStack() as stack:
        url = f"http://127.0.0.1:{port}"
        settings = get_settings().model_copy(update={"host": "127.0.0.1", "port": port, "url": url, "nightly": False})
        scene = _scene(settings, fires)
        out.print(f"datapump on {url}, its data in {settings.data_dir.resolve()}", soft_wrap=True)
        stack.enter_context(in_background(scene.settings))
        token = SecretStr(read(secret_file(settings.data_dir, "data-api-token")))
        api = DataApi(f"{url}/data-api", token, settings.data_api_timeout_s)
        stack.callback(api.close)
        client = stack.enter_context(Client(url, SecretStr(read(secret_file(settings.data_dir, "admin-key")))))
        succeeded = _play(scene, client, api)
        if once:
            raise typer.Exit(0 if succeeded else FAILED)
        signalled = _on_signals()
        _invite(settings, scene)
        signalled.wait()


def _on_signals() -> threading.Event:
    """What is set when the process is told to end, from now on."""
    signalled = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: signalled.set())
    return signalled


def _scene(settings: Settings, fires: str) -> Scene:
    folder = settings.data_dir / "sample"
    world = write(folder)
    write_rasters(draw_region(), folder / "rasters", settings.data_dir / "layers.toml", CLOCK.now().year - 1)
    if not fires:
        chosen = settings.model_copy(update={"viirs_url": str(world.fire_feed)})
        return Scene(chosen, world, History(FireType.VIIRS, world.saved_fires, world.saved_fires.name))
    hosts = settings.feed_hosts | {urlsplit(fires).hostname or ""}
    limits = DownloadLimits(settings.download_max_bytes, settings.download_timeout_s)
    feed = fetch(fires, folder / "feed", limits=limits, hosts=hosts)
    kept = split(feed, folder)
    return Scene(settings.model_copy(update={f"{kept.fire_type}_url": str(feed)}), world, kept)


def _play(scene: Scene, client: Client, api: DataApi) -> bool:
    settings = scene.settings
    objects = Objects(settings.data_dir.resolve() / "objects")
    out.print("loading the sample world: an invented country, its parks, user areas and farms")
    load(scene.world, objects, api, settings)
    folder = near_real_time_folder(scene.kept.fire_type, settings.data_lake_bucket)
    if not objects.listing(folder):
        objects.put(folder + scene.kept.name, scene.kept.path)
    for command, key in _commands(scene):
        out.print(f"\n[bold]{command['command']}[/] {escape(json.dumps(command['parameters']))}", soft_wrap=True)
        submitted = client.submit(json.dumps(command), key)
        if submitted["status"] in {"failed", "stopped"}:
            submitted = _taken_up(submitted, client, command)
        execution = follow(client, submitted["id"])
        describe(execution)
        if execution["status"] != "succeeded":
            out.print("[red]this did not succeed[/]: the lines above say why")
            return False
    _show(scene, api)
    return True


def _taken_up(execution: dict[str, Any], client: Client, command: dict[str, Any]) -> dict[str, Any]:
    """What goes on with an earlier start's execution that did not succeed: a retry of its jobs, or the command anew."""
    while execution.get("retried_by"):
        execution = client.execution(execution["retried_by"])
    if execution["status"] not in {"failed", "stopped"}:
        return execution
    try:
        return client.retry(execution["id"])
    except ConflictError:
        return client.submit(json.dumps(command))


def _commands(scene: Scene) -> list[tuple[dict[str, Any], str | None]]:
    analysis = str(scene.kept.fire_type)
    world = scene.world
    tables = [
        {"dataset": features.dataset, "version": features.version, "analysis": analysis}
        for features in (world.gadm, world.wdpa, world.user_areas, world.farms)
    ]
    parameters = {"analysis_version": ANALYSIS_VERSION, "sync": True, "geotrellis_version": GEOTRELLIS_VERSION}
    rasters = [
        {"dataset": world.gadm.dataset, "version": world.gadm.version, "analysis": name} for name in RASTER_ANALYSES
    ]
    return [
        # The key makes a second start find the first one's execution instead of asking for the same again.
        ({"command": "analysis", "parameters": {**parameters, "tables": tables}}, f"sample-{analysis}"),
        ({"command": "analysis", "parameters": {**parameters, "sync": False, "tables": rasters}}, "sample-rasters"),
        ({"command": "sync", "parameters": {"types": [analysis]}}, None),
        ({"command": "set_latest", "parameters": {"analysis_version": ANALYSIS_VERSION}}, None),
    ]


def _show(scene: Scene, api: DataApi) -> None:
    rows = []
    for dataset in api.datasets():
        name = dataset["dataset"]
        analyses = (str(scene.kept.fire_type), *RASTER_ANALYSES)
        if any(f"__{analysis}__" in name for analysis in analyses) and ANALYSIS_VERSION in (
            dataset.get("versions") or []
        ):
            count = api.query(name, ANALYSIS_VERSION, "select count(*) as n from data")[0]["n"]
            rows.append(ResultTable(name, ANALYSIS_VERSION, count, api.latest(name) == ANALYSIS_VERSION))
    days = _days(scene, api)
    for view in (tables_view(rows), daily_view(days), daily_chart(days), *_by_class(scene, api)):
        out.print()
        out.print(view)


def _days(scene: Scene, api: DataApi) -> list[tuple[str, date, int]]:
    gadm = scene.world.gadm
    names = api.query(gadm.dataset, gadm.version, "select gid_1, name_1 from data group by gid_1, name_1")
    labels = {int(row["gid_1"].split(".")[1].split("_")[0]): row["name_1"] for row in names}
    sql = "select adm1, alert__date, sum(alert__count) as fires from data group by adm1, alert__date"
    found = api.query(f"gadm__{scene.kept.fire_type}__adm2_daily_alerts", ANALYSIS_VERSION, sql)
    return [
        (labels.get(row["adm1"], str(row["adm1"])), date.fromisoformat(row["alert__date"]), int(row["fires"]))
        for row in found
    ]


def _by_class(scene: Scene, api: DataApi) -> list[RenderableType]:
    """What the rasters have to say."""

    def amounts(table: str, key: str, amount: str, where: str = "") -> list[tuple[Any, float]]:
        sql = f"select {key} as key, sum({amount}) as amount from data {where} group by {key}"  # noqa: S608 - our own names
        rows = api.query(table, ANALYSIS_VERSION, sql)
        return sorted((row["key"], float(row["amount"])) for row in rows if row["key"] is not None)

    loss = amounts(
        "gadm__tcl__iso_change",
        "umd_tree_cover_loss__year",
        "umd_tree_cover_loss__ha",
        "where umd_tree_cover_density_2000__threshold = 30",
    )
    alerts = amounts(
        "gadm__integrated_alerts__iso_daily_alerts",
        "is__tree_cover_2022",
        "alert__count",
        "where gfw_integrated_alerts__date is not null",
    )
    fires = f"gadm__{scene.kept.fire_type}__iso_weekly_alerts"
    classes = amounts(fires, "umd_tree_cover_density_2000__threshold", "alert__count")
    words = {True: "tree cover in 2022", False: "no tree cover in 2022"}
    return [
        bars_view("Tree cover loss by year, canopy above 30 %", [(str(year), area) for year, area in loss], "hectares"),
        bars_view(
            "Integrated alerts by tree cover", [(words[bool(key)], count) for key, count in alerts], "pixels of 10 m"
        ),
        bars_view("Fires by tree cover in 2000", [(f"above {key} %", count) for key, count in classes], "fires"),
    ]


def _invite(settings: Settings, scene: Scene) -> None:
    table = f"gadm__{scene.kept.fire_type}__adm2_daily_alerts"
    sql = "select%20alert__date,%20sum(alert__count)%20from%20data%20group%20by%20alert__date"
    out.print(f"\nserving on {settings.url} until Ctrl-C. Try:", soft_wrap=True)
    out.print(
        f"  curl '{settings.url}/data-api/dataset/{table}/{ANALYSIS_VERSION}/query/json?sql={sql}'", soft_wrap=True
    )
    key = secret_file(settings.data_dir, "admin-key")
    out.print(f'  curl -H "Authorization: Bearer $(cat {key})" {settings.url}/executions', soft_wrap=True)
    where = "" if settings.url == Settings.model_fields["url"].default else f"DATAPUMP_URL={settings.url} "
    out.print(f"  {where}.venv/bin/datapump sync-configs list", soft_wrap=True)
