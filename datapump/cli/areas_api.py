"""`datapump embedded areas-api`: the embedded Areas API by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from datapump.cli.output import DATA, out, told
from datapump.cli.serve import Server, run
from datapump.clock import SystemClock
from datapump.embedded.areas_api.app import create_areas_api
from datapump.embedded.areas_api.settings import AreasApiSettings, AreasCaller
from datapump.keys import new_secret
from datapump.secret_files import read_or_make, secret_file
from datapump.settings import get_settings

HOST = "127.0.0.1"


def areas_api(
    folder: Annotated[
        Path | None,
        typer.Option(help="Folder of GeoJSON files; every feature is an area.", file_okay=False, exists=True),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8002,
    data: Annotated[Path | None, typer.Option(help=DATA)] = None,
) -> None:
    """Run the Areas API on 127.0.0.1 until Ctrl-C, on the same data as `datapump serve`."""
    settings = get_settings()
    place = (data or settings.data_dir).resolve()
    areas = folder or settings.areas_folder or place / "areas"
    token_file = secret_file(place, "areas-api-token")
    url = f"http://{HOST}:{port}"
    with told():
        token = read_or_make(token_file, new_secret)
        told_settings = AreasApiSettings(
            store=place / "areas_api" / "areas.sqlite",
            folder=areas,
            public_url=url,
            tokens={token: AreasCaller(user_id="datapump", role="ADMIN")},
        )
        app = create_areas_api(told_settings, SystemClock())

    def announce() -> None:
        out.print(f"the Areas API listens on {url}", soft_wrap=True)
        out.print(f"all but find-by-ids needs the bearer token in {token_file}", soft_wrap=True)
        out.print(f"POST /v2/area/sync takes in what is new in {areas}", soft_wrap=True)

    with told():
        run(Server(uvicorn.Config(app, host=HOST, port=port, log_level="warning", lifespan="on"), announce))
