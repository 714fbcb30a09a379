"""What can be made in the background, and how.

What reads vectors and rasters is imported where it is first wanted: GDAL takes longer to load than all the rest of a
server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datapump.embedded.data_api import parts
from datapump.embedded.data_api.context import WORK
from datapump.embedded.data_api.made import Made, Making
from datapump.embedded.data_api.models import assets as kinds
from datapump.embedded.data_api.models.tables import TableSource, VectorSource
from datapump.embedded.data_api.tables import load_text
from datapump.errors import DataError, InternalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from datapump.embedded.data_api.tables import Loaded
    from datapump.embedded.data_api.tasks import Task


def kind_of(task: Task) -> str:
    """What is to be made: `table`, `vector` or `raster` for rows and tiles of a source, else the asset's type."""
    options: dict[str, Any] = task.creation_options
    return str(options["asset_type"] if task.kind == "asset" else options["source_type"])


def maker_of(kind: str) -> Callable[[Making], Made] | None:
    """What makes that kind, None if it cannot be made here."""
    if kind in _MAKERS:
        return _MAKERS[kind]
    from datapump.embedded.data_api.rasters.makers import RASTER_MAKERS  # noqa: PLC0415 - see the top of this module

    return RASTER_MAKERS.get(kind)


def _text(making: Making) -> Made:
    options = TableSource.model_validate(making.task.creation_options)
    return _rows(making, lambda target: load_text(options, making.context.objects, target))


def _features(making: Making) -> Made:
    from datapump.embedded.data_api.vectors import load_features  # noqa: PLC0415 - see the top of this module

    # an append may name more or fewer files than the driver takes for a new version
    stored = making.task.creation_options
    options = VectorSource.model_validate({**stored, "source_uri": ["s3://any"]})
    options = options.model_copy(update={"source_uri": stored["source_uri"]})
    return _rows(making, lambda target: load_features(options, making.context.objects, target, making.row_count + 1))


def _rows(making: Making, load: Callable[[parts.Target], Loaded]) -> Made:
    settings, task = making.context.settings, making.task
    if task.kind == "append" and making.table is None:
        raise DataError(f"{task.dataset}.{task.version} has no table to append to: its first load failed")
    target = parts.Target(
        folder=settings.folder,
        part=parts.part_path(settings.folder, task.dataset, task.version, task.task_id),
        columns=making.table.columns if making.table else None,
        existing=making.table.parts if making.table else [],
        memory_mb=settings.load_memory_mb,
        began=making.began,
    )
    loaded = load(target)
    path = str(target.part.relative_to(settings.folder))
    return Made(f"loaded {loaded.row_count} rows", lambda: target.part.unlink(missing_ok=True), loaded, path)


def _grid(making: Making) -> Made:
    from datapump.embedded.data_api.grid import layout, write_grid  # noqa: PLC0415 - see the top of this module

    if making.table is None or making.asset is None:
        raise InternalError("a 1x1 grid was asked for of a version without a table")
    options = kinds.Grid1x1.model_validate(making.asset.creation_options)
    uri, objects = making.asset.asset_uri, making.context.objects
    folder = making.context.settings.folder / WORK
    folder.mkdir(exist_ok=True)
    out = folder / f"{making.task.task_id}.tsv"
    try:
        cut = write_grid(making.table, layout(making.task.dataset, options), out, making.began)
        objects.put(uri, out)
    finally:
        out.unlink(missing_ok=True)
    return Made(str(cut), lambda: objects.delete(uri))


_MAKERS: dict[str, Callable[[Making], Made]] = {"table": _text, "vector": _features, kinds.GRID: _grid}
