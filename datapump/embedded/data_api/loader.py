"""The background work: assets are registered, made, and their versions marked, one transaction a step.

Every step can be interrupted at any instant. What was done is known from the task's stage, and a step that is
done again does the same: files that no transaction lists are removed, objects are overwritten.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb

from datapump.embedded.data_api import assets, parts, rows, tasks, versions
from datapump.embedded.data_api.columns import field_metadata
from datapump.embedded.data_api.made import Making
from datapump.embedded.data_api.making import kind_of, maker_of
from datapump.embedded.data_api.models import assets as kinds
from datapump.errors import DatapumpError

if TYPE_CHECKING:
    from datapump.embedded.data_api.changes import Change
    from datapump.embedded.data_api.context import Context
    from datapump.embedded.data_api.made import Made, TileSetMade
    from datapump.embedded.data_api.tasks import Task

_log = logging.getLogger(__name__)
_NO_TILES = "vector tiles are not available in the embedded Data API"


class Loader:
    """Takes tasks one step further, the oldest first."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._at_work: duckdb.DuckDBPyConnection | None = None
        self._stopping = threading.Event()
        self._littered = threading.Event()

    def register_next(self) -> bool:
        """Give the oldest new version its default asset; False if there is none to give."""
        with self._context.database.read() as sql:
            task = tasks.next_in(sql, "queued")
        if task is None:
            return False
        self._context.checkpoint("registering", task.task_id)
        with self._context.change() as change:
            self._register(change, task)
        self._context.checkpoint("registered", task.task_id)
        return True

    def load_next(self) -> bool:
        """Take the oldest registered task one step further; False if nothing is left to do, or it is to stop."""
        if self._littered.is_set():
            self.sweep()
        with self._context.database.read() as sql:
            task = tasks.next_in(sql, "registered", "loaded", "refused")
        if task is None or self._stopping.is_set():
            return False
        if task.stage == "registered":
            return self._make(task)
        with self._context.change() as change:
            (self._finish if task.stage == "loaded" else self._fail)(change, task)
        self._context.checkpoint("finished" if task.stage == "loaded" else "failed", task.task_id)
        return True

    def sweep(self) -> None:
        """Remove the files of what was deleted, and those of loads that never came to count."""
        self._littered.clear()
        with self._context.database.read() as sql:
            listed = rows.paths(sql)
            discarded = [uri for (uri,) in sql.execute("SELECT uri FROM discarded")]
        parts.sweep(self._context.settings.folder, listed)
        for uri in discarded:
            found = [info.uri for info in self._context.objects.listing(uri)] if uri.endswith("/") else [uri]
            for name in found:
                self._context.objects.delete(name)
            with self._context.change() as change:
                change.sql.execute("DELETE FROM discarded WHERE uri = ?", (uri,))

    def litter(self) -> None:
        """Something was deleted: sweep at the next step."""
        self._littered.set()

    def interrupt(self) -> None:
        """Stop the load that is under way; its task stays as it is."""
        self._stopping.set()
        at_work = self._at_work
        if at_work is not None:
            with suppress(duckdb.ConnectionException):  # it was just closed
                at_work.interrupt()

    def _make(self, task: Task) -> bool:
        self._context.checkpoint("reading", task.task_id)
        try:
            made = self._made(task)
        except parts.StoppedError:
            return False
        except DatapumpError as error:
            return self._refuse(task, error.message)
        except OSError as error:
            return self._refuse(task, f"the disk refused a write: {error.strerror}")
        except Exception as error:  # noqa: BLE001 - one broken load must not stop the others
            _log.exception("task %s of %s.%s", task.task_id, task.dataset, task.version)
            return self._refuse(task, f"internal error: {type(error).__name__}")
        finally:
            self._at_work = None
        self._context.checkpoint("written", task.task_id)
        with self._context.change() as change:
            kept = self._publish(change, task, made)
        if not kept:
            made.undo()
        self._context.checkpoint("loaded", task.task_id)
        return True

    def _made(self, task: Task) -> Made:
        maker = maker_of(kind_of(task))
        if maker is None:
            raise DatapumpError(f"making a {kind_of(task)} is not available in the embedded Data API yet")
        with self._context.database.read() as sql:
            asset = assets.find(sql, task.asset_id or "")
            table = rows.table(sql, self._context.settings.folder, task.dataset, task.version)
            row_count = rows.count(sql, task.dataset, task.version)
        return maker(Making(self._context, task, asset, table, row_count, self._began, self._alive))

    def _began(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._at_work = connection
        self._alive()

    def _alive(self) -> None:
        if self._stopping.is_set():
            raise parts.StoppedError("the service stops")

    def _register(self, change: Change, task: Task) -> None:
        options = task.creation_options
        if options["source_type"] == "raster":
            asset_type = kinds.TILE_SET
        elif options["source_type"] == "vector" or (options["latitude"] and options["longitude"]):
            asset_type = kinds.GEO_TABLE
        else:
            asset_type = kinds.TABLE
        if not tasks.move(change, task.task_id, "registered"):
            return
        version = versions.get(change.sql, task.dataset, task.version)
        asset = assets.draft(change, self._context.settings, version, asset_type, options)
        assets.create(change, self._context.settings, replace(asset, is_default=True))
        tasks.move(change, task.task_id, "registered", asset_id=asset.asset_id)

    def _publish(self, change: Change, task: Task, made: Made) -> bool:
        """Make what was made count, with the task's next stage; False if version or asset are gone."""
        if not tasks.move(change, task.task_id, "loaded" if task.kind == "create" else "done"):
            return False
        if made.loaded is not None:
            rows.add(change, task, made.loaded, made.path)
        version = versions.get(change.sql, task.dataset, task.version)
        poisoned = task.kind == "append" and version.status == "failed"
        if not poisoned and not tasks.others_open(change.sql, task):
            told = {} if made.metadata is None else {"metadata": made.metadata}
            assets.update(change, task.asset_id or "", status="saved", **told)
        for extra in made.extras:
            self._add_tile_set(change, version, extra)
        tasks.note(change, task, "success", made.message)
        return True

    def _add_tile_set(self, change: Change, version: versions.Version, extra: TileSetMade) -> None:
        """Add a tile set that another asset was made from: an asset as any other, but that nobody asked for."""
        if assets.listing(change.sql, asset_uri=extra.uri):
            return
        asset = assets.draft(change, self._context.settings, version, kinds.TILE_SET, extra.options)
        assets.create(change, self._context.settings, replace(asset, asset_uri=extra.uri, status="saved"))

    def _finish(self, change: Change, task: Task) -> None:
        """What follows the making of a version's own asset: its fields, its tile cache, and its status."""
        if task.creation_options["source_type"] == "raster":
            self._finish_raster(change, task)
            return
        table = rows.table(change.sql, self._context.settings.folder, task.dataset, task.version)
        fields = field_metadata(table.columns if table else [])
        metadata = {"tags": None, "fields": fields, "id": change.new_uuid()}
        assets.update(change, task.asset_id or "", metadata=metadata)
        if task.creation_options.get("create_dynamic_vector_tile_cache"):
            self._without_tiles(change, task)
        versions.set_status(change, task.dataset, task.version, "saved")
        tasks.move(change, task.task_id, "done")

    def _finish_raster(self, change: Change, task: Task) -> None:
        """Look for the tile set's extent. Without it the version stays pending for ever, as it does in the service."""
        asset = assets.find(change.sql, task.asset_id or "")
        folder = "" if asset is None else asset.asset_uri.rsplit("/", 1)[0]
        tasks.move(change, task.task_id, "done")
        if self._context.objects.exists(f"{folder}/extent.geojson"):
            versions.set_status(change, task.dataset, task.version, "saved")
        else:
            tasks.note(change, task, "failed", f"{folder}/extent.geojson does not exist: the version stays pending")

    def _without_tiles(self, change: Change, task: Task) -> None:
        """Add the tile cache that the service adds to every table: failed, as it is there without a spatial index."""
        version = versions.get(change.sql, task.dataset, task.version)
        options = kinds.DynamicVectorTileCache().model_dump(mode="json")
        asset = assets.draft(change, self._context.settings, version, kinds.DYNAMIC_TILES, options)
        assets.create(change, self._context.settings, replace(asset, status="failed"))
        tasks.note(change, replace(task, asset_id=asset.asset_id), "failed", _NO_TILES)

    def _refuse(self, task: Task, reason: str) -> bool:
        """The asset could not be made; the failure of a version's own table is the version's too."""
        _log.warning("%s of %s.%s failed: %s", task.kind, task.dataset, task.version, reason)
        self._context.checkpoint("refusing", task.task_id)
        with self._context.change() as change:
            stage: tasks.Stage = "failed" if task.kind == "asset" else "refused"
            if tasks.move(change, task.task_id, stage, reason=reason):
                assets.update(change, task.asset_id or "", status="failed")
                tasks.note(change, task, "failed", reason)
        self._context.checkpoint("refused", task.task_id)
        return True

    def _fail(self, change: Change, task: Task) -> None:
        versions.set_status(change, task.dataset, task.version, "failed")
        tasks.move(change, task.task_id, "failed")
