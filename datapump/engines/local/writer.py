"""Result tables as files: `{output}/{level}/{table}/part-00000-{uuid}-c000.csv`, then an empty `_SUCCESS`."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from datapump.outlines import outline_uri
from datapump.places import places_uri

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datapump.engines.local.tables import Table
    from datapump.objects import Objects

MANIFEST = "manifest.json"
SUCCESS = "_SUCCESS"
ROWS_PER_FILE = 500_000

_NAMESPACE = uuid.UUID("6f1c6d0e-1f55-5d0c-9d43-0a3f5b8c7a21")


class TableWriter:
    """Writes the results of one run.

    Every file is written whole or not at all, `_SUCCESS` after the parts, and the manifest last: so what a
    killed run leaves never looks complete.

    Args:
        objects: Where to.
        output: The run's folder.
        run: The run's name: the same run writes the same file names again.
        rows_per_file: How many rows a file holds at most.
    """

    def __init__(self, objects: Objects, output: str, run: str, rows_per_file: int = ROWS_PER_FILE) -> None:
        self._objects = objects
        self._output = output.rstrip("/")
        self._uuid = uuid.uuid5(_NAMESPACE, run)
        self._rows_per_file = rows_per_file

    def clear_unfinished(self, tables: Sequence[tuple[str, str]]) -> None:
        """Remove what a run left that did not come to its end; complete results stay until new ones are there."""
        if not self._objects.exists(f"{self._output}/{MANIFEST}"):
            self.clear(tables)

    def clear(self, tables: Sequence[tuple[str, str]]) -> None:
        """Remove what an earlier run left in the output folder, the manifest first; nothing else is touched.

        Args:
            tables: (level, table) pairs of all that the analysis may write.
        """
        self._objects.delete(f"{self._output}/{MANIFEST}")
        self._objects.delete(places_uri(self._output))
        for level in {level for level, _ in tables}:
            self._objects.delete(outline_uri(self._output, level))
        for level, table in tables:
            folder = f"{self._output}/{level}/{table}"
            self._objects.delete(f"{folder}/{SUCCESS}")
            for info in self._objects.listing(folder):
                name = info.uri.rsplit("/", 1)[-1]
                if name.startswith("part-") and name.endswith(".csv"):
                    self._objects.delete(info.uri)

    def write(self, table: Table) -> None:
        """Write a table; one without rows is a header.

        Raises:
            StorageError: The disk or bucket refused it.
        """
        folder = f"{self._output}/{table.level}/{table.name}"
        for number, start in enumerate(range(0, max(table.rows, 1), self._rows_per_file)):
            stop = min(start + self._rows_per_file, table.rows)
            self._objects.put(f"{folder}/part-{number:05}-{self._uuid}-c000.csv", table.text(start, stop))
        self._objects.put(f"{folder}/{SUCCESS}", b"")

    def finish(self, manifest: Mapping[str, object]) -> str:
        """Write the manifest, which says that all is there; returns its name."""
        name = f"{self._output}/{MANIFEST}"
        self._objects.put(name, json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n")
        return name
