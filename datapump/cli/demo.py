"""`datapump demo`, which `make run` calls: everything embedded, from a command to published tables."""

from __future__ import annotations

import json
import signal
import threading
from contextlib import ExitStack
from datetime import date
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

import typer
from pydantic import SecretStr

from datapump.cli.executions import describe, follow
from datapump.cli.output import FAILED, escape, out, told
from datapump.cli.results_view import ResultTable, daily_chart, daily_view, tables_view
from datapump.cli.serve import in_background
from datapump.client import Client
from datapump.clients.data_api import DataApi
from datapump.embedded.sample.history import History, split
from datapump.embedded.sample.loading import load
from datapump.embedded.sample.world import World, write
from datapump.errors import ConflictError
from datapump.objects import Objects
from datapump.secret_files import read
from datapump.settings import Settings, get_settings
from datapump.sources.download import DownloadLimits, fetch
from datapump.sources.fire_files import FireType, near_real_time_folder

ANALYSIS_VERSION = "v20260101"
GEOTRELLIS_VERSION = "2.6.20"


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
        token = SecretStr(read(settings.data_dir / "secrets" / "data-api-token"))
        api = DataApi(f"{url}/data-api", token, settings.data_api_timeout_s)
        stack.callback(api.close)
        client = stack.enter_context(Client(url, SecretStr(read(settings.data_dir / "secrets" / "admin-key"))))
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
    return [
        # The key makes a second start find the first one's execution instead of asking for the same again.
        ({"command": "analysis", "parameters": {**parameters, "tables": tables}}, f"sample-{analysis}"),
        ({"command": "sync", "parameters": {"types": [analysis]}}, None),
        ({"command": "set_latest", "parameters": {"analysis_version": ANALYSIS_VERSION}}, None),
    ]


def _show(scene: Scene, api: DataApi) -> None:
    rows = []
    for dataset in api.datasets():
        name = dataset["dataset"]
        if f"__{scene.kept.fire_type}__" in name and ANALYSIS_VERSION in (dataset.get("versions") or []):
            count = api.query(name, ANALYSIS_VERSION, "select count(*) as n from data")[0]["n"]
            rows.append(ResultTable(name, ANALYSIS_VERSION, count, api.latest(name) == ANALYSIS_VERSION))
    gadm = scene.world.gadm
    names = api.query(gadm.dataset, gadm.version, "select gid_1, name_1 from data group by gid_1, name_1")
    labels = {int(row["gid_1"].split(".")[1].split("_")[0]): row["name_1"] for row in names}
    sql = "select adm1, alert__date, sum(alert__count) as fires from data group by adm1, alert__date"
    table = f"gadm__{scene.kept.fire_type}__adm2_daily_alerts"
    found = api.query(table, ANALYSIS_VERSION, sql)
    days = [
        (labels.get(row["adm1"], str(row["adm1"])), date.fromisoformat(row["alert__date"]), int(row["fires"]))
        for row in found
    ]
    for view in (tables_view(rows), daily_view(days), daily_chart(days)):
        out.print()
        out.print(view)


def _invite(settings: Settings, scene: Scene) -> None:
    table = f"gadm__{scene.kept.fire_type}__adm2_daily_alerts"
    sql = "select%20alert__date,%20sum(alert__count)%20from%20data%20group%20by%20alert__date"
    out.print(f"\nserving on {settings.url} until Ctrl-C. Try:", soft_wrap=True)
    out.print(
        f"  curl '{settings.url}/data-api/dataset/{table}/{ANALYSIS_VERSION}/query/json?sql={sql}'", soft_wrap=True
    )
    key = settings.data_dir / "secrets" / "admin-key"
    out.print(f'  curl -H "Authorization: Bearer $(cat {key})" {settings.url}/executions', soft_wrap=True)
    where = "" if settings.url == Settings.model_fields["url"].default else f"DATAPUMP_URL={settings.url} "
    out.print(f"  {where}.venv/bin/datapump sync-configs list", soft_wrap=True)
