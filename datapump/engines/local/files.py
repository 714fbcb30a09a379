"""Files to read and write: objects under their names, and plain paths beside them."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from glob import glob as expand_pattern
from pathlib import Path
from typing import TYPE_CHECKING

from datapump.errors import NotFoundError, StorageError
from datapump.objects import ObjectInfo, Objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SCHEMES = ("s3://", "gs://")


@dataclass(frozen=True)
class InputFile:
    """A file to read: its name, and its size in bytes."""

    name: str
    size: int


class Files(Objects):
    """Objects, where a name without `s3://` or `gs://` is a path on this machine.

    Args:
        root: Folder that holds the buckets; None: they are real.
        buckets: How real buckets are reached, and which are real although others are folders.
    """

    def put(self, uri: str, content: bytes | Path) -> None:
        """Write a file whole: readers see the old one or the new one, never a part.

        Raises:
            StorageError: The disk refused it.
        """
        if _is_object(uri):
            super().put(uri, content)
            return
        path = Path(uri)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".tmp", delete=False) as file:
                try:
                    file.write(content.read_bytes() if isinstance(content, Path) else content)
                    file.flush()
                    os.fchmod(file.fileno(), 0o644)
                    Path(file.name).replace(path)
                except BaseException:  # whatever ends the write, no half-written file stays
                    Path(file.name).unlink(missing_ok=True)
                    raise
        except OSError as error:
            raise StorageError(f"{uri} could not be written: {error.strerror}") from error

    def get(self, uri: str) -> bytes:
        """The whole file.

        Raises:
            NotFoundError: There is none.
        """
        if _is_object(uri):
            return super().get(uri)
        with self.local(uri) as path:
            return path.read_bytes()

    def head(self, uri: str, size: int) -> bytes:
        """The first `size` bytes of the file, or all of a smaller one.

        Raises:
            NotFoundError: There is none.
        """
        return super().head(uri, size) if _is_object(uri) else self.get(uri)[:size]

    def exists(self, uri: str) -> bool:
        """Whether there is a file of exactly this name."""
        return super().exists(uri) if _is_object(uri) else Path(uri).is_file()

    def delete(self, uri: str) -> None:
        """Remove the file; one that is gone already is no error."""
        if _is_object(uri):
            super().delete(uri)
        else:
            Path(uri).unlink(missing_ok=True)

    def listing(self, folder: str) -> list[ObjectInfo]:
        """Every file below a folder, sorted by name; empty when there is none."""
        if _is_object(folder):
            return super().listing(folder)
        return _infos([str(path) for path in Path(folder).rglob("*")])

    def glob(self, pattern: str) -> list[ObjectInfo]:
        """The files that a name with wildcards matches; a plain name matches itself."""
        if _is_object(pattern):
            return super().glob(pattern)
        return _infos([pattern] if Path(pattern).exists() else expand_pattern(pattern, recursive=True))  # noqa: PTH207 - an absolute pattern

    @contextmanager
    def local(self, uri: str) -> Iterator[Path]:
        """The file itself.

        Raises:
            NotFoundError: There is none.
        """
        if _is_object(uri):
            with super().local(uri) as path:
                yield path
            return
        if not Path(uri).is_file():
            raise NotFoundError(f"{uri} does not exist")
        yield Path(uri)

    def path(self, uri: str) -> Path:
        """Where the file lies on this machine."""
        return super().path(uri) if _is_object(uri) else Path(uri)


def expand(objects: Objects, patterns: Sequence[str], what: str, *, each: bool) -> list[InputFile]:
    """The files that names stand for, each once, in the order of the names.

    Args:
        objects: Where they lie.
        patterns: Names, each may hold `*`.
        what: What they are, for the error.
        each: Whether every pattern must match; else one that does is enough. A plain name must always be there.

    Raises:
        NotFoundError: No file is there.
    """
    found: dict[str, InputFile] = {}
    for pattern in patterns:
        infos = objects.glob(pattern)
        if not infos and (each or "*" not in pattern):
            raise NotFoundError(f"no {what} file is named {pattern}")
        found.update({info.uri: InputFile(info.uri, info.size) for info in infos})
    if not found:
        raise NotFoundError(f"no {what} file is named {' or '.join(patterns)}")
    return list(found.values())


def _is_object(uri: str) -> bool:
    return uri.startswith(_SCHEMES)


def _infos(paths: list[str]) -> list[ObjectInfo]:
    files = [Path(path) for path in sorted(paths) if Path(path).is_file()]
    stats = [(path, path.stat()) for path in files]
    return [ObjectInfo(str(path), stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC)) for path, stat in stats]
