"""Parts: the immutable Parquet files that hold a table's rows.

A part is written under a temporary name, brought to the disk, and renamed. It counts only once the metadata
store lists it; files that it does not list are removed.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from datapump.errors import DataError, DatapumpError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from datapump.embedded.data_api.columns import Column

TABLES = "tables"
_SPILL = "spill"
_UNFINISHED = ".writing"
_CSV_ERROR = re.compile(r"CSV Error on Line: (\d+)\n(?:Original Line: .*?\n)?(.+?)\n", re.DOTALL)
_CSV_FILE = re.compile(r"^  file = (.*)$", re.MULTILINE)
_PATH = re.compile(r"(?<![\w:/])/[\w.][^\s'\"]*")


@dataclass(frozen=True)
class Target:
    """Where rows go.

    Attributes:
        folder: The Data API's folder.
        part: The part to be written.
        columns: The table's columns, None for a table that this part begins.
        existing: The parts that the table has.
        memory_mb: Memory before DuckDB spills.
        began: Is told the connection that will do the work, so that somebody can interrupt it.
    """

    folder: Path
    part: Path
    columns: list[Column] | None
    existing: list[Path]
    memory_mb: int
    began: Callable[[duckdb.DuckDBPyConnection], None] = lambda _connection: None


class StoppedError(DatapumpError):
    """A load was interrupted because the service stops; it is taken up at the next start."""


def part_path(folder: Path, dataset: str, version: str, task_id: int, number: int = 0) -> Path:
    """Where a task's part of a version's table lies."""
    return folder / TABLES / dataset / version / f"{task_id}-{number}.parquet"


def unfinished(part: Path) -> Path:
    """The name of a part while it is being written."""
    return part.with_name(part.name + _UNFINISHED)


@contextmanager
def loading(target: Target, names: Mapping[str, str]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection to write a part with; it spills into the folder, and its errors are ours.

    Args:
        target: Where the rows go; a part that is not finished is removed after an error.
        names: Path of each source file -> what it is called in errors.

    Raises:
        DataError: What the sources hold does not fit.
        StorageError: The disk is full.
        StoppedError: Somebody interrupted it.
    """
    spill = target.folder / _SPILL
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{target.memory_mb}MB",
        "temp_directory": str(spill),
        "autoinstall_known_extensions": False,
    }
    connection = duckdb.connect(":memory:", config=config)
    target.began(connection)
    try:
        yield connection
    except BaseException as error:  # whatever ends the load, no half-written part stays
        unfinished(target.part).unlink(missing_ok=True)
        if isinstance(error, duckdb.InterruptException):
            raise StoppedError("the load was interrupted") from error
        if isinstance(error, duckdb.Error):
            raise explained(error, names) from error
        raise
    finally:
        connection.close()
        shutil.rmtree(spill, ignore_errors=True)


def explained(error: duckdb.Error, names: Mapping[str, str]) -> DataError | StorageError:
    """DuckDB's error in one line, without the paths of our own files."""
    text = str(error)
    if "No space left on device" in text:
        return StorageError("no space left on the disk: free some, delete the version and load it again")
    told, file = _CSV_ERROR.search(text), _CSV_FILE.search(text)
    if told is not None:
        uri = names.get(file[1], "") if file else ""
        return DataError(f"{uri}, line {told[1]}: {told[2].strip()}".lstrip(", "))
    if "Division by zero" in text:
        return DataError("division by zero")
    line = next((line for line in text.split("Error: ", 1)[-1].split("\n") if line), "no reason given")
    return DataError(_PATH.sub("(a file)", line))


def finish(part: Path) -> None:
    """Bring an unfinished part to the disk and give it its name there."""
    _sync(unfinished(part))
    unfinished(part).rename(part)
    for folder in part.parents[:3]:  # of the version, of the dataset, of all tables: each may be new
        _sync(folder)


def sweep(folder: Path, listed: Collection[str]) -> int:
    """Remove every file among the tables that is not listed, and folders that are left empty.

    Args:
        folder: The Data API's folder.
        listed: Paths of the parts that count, relative to the folder.

    Returns:
        How many files were removed.
    """
    removed = 0
    tables = folder / TABLES
    for path in sorted(tables.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif str(path.relative_to(folder)) not in listed:
            path.unlink()
            removed += 1
    return removed


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
