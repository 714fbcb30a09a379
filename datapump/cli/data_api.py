"""`datapump embedded data-api`: the embedded Data API by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from datapump.cli.output import DATA, out, told
from datapump.cli.serve import Server, run
from datapump.clock import SystemClock
from datapump.embedded.data_api.app import create_data_api
from datapump.embedded.data_api.settings import Caller, DataApiSettings
from datapump.keys import new_secret
from datapump.objects import Objects
from datapump.secret_files import read_or_make, secret_file
from datapump.settings import get_settings

HOST = "127.0.0.1"


def data_api(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8001,
    data: Annotated[Path | None, typer.Option(help=DATA)] = None,
) -> None:
    """Run the Data API on 127.0.0.1 until Ctrl-C, on the same data as `datapump serve`."""
    settings = get_settings()
    folder = (data or settings.data_dir).resolve()
    token_file = secret_file(folder, "data-api-token")
    with told():
        token = read_or_make(token_file, new_secret)
        told_settings = DataApiSettings(
            folder=folder / "data_api",
            public_url=f"http://{HOST}:{port}",
            tokens={token: Caller(user_id="datapump", role="ADMIN")},
            data_lake_bucket=settings.data_lake_bucket,
        )
        app = create_data_api(told_settings, Objects(folder / "objects"), SystemClock())
        # started here, so that a folder in use is told in words instead of a traceback
        app.state.service.start()

    def announce() -> None:
        out.print(f"the Data API listens on {told_settings.public_url}", soft_wrap=True)
        out.print(f"writes need the bearer token in {token_file}", soft_wrap=True)
        out.print(f"s3://bucket/key is the file {folder}/objects/s3/bucket/key", soft_wrap=True)

    with told():
        run(Server(uvicorn.Config(app, host=HOST, port=port, log_level="warning", lifespan="on"), announce))
