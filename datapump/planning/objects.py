"""Objects of a plan: what would be written lies in a folder of the plan's own, over what is there."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from datapump.errors import NotFoundError
from datapump.objects import ObjectInfo, Objects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from datapump.planning.plans import Recorder


class PlannedObjects(Objects):
    """Reads what is there and what the plan would have written; writes only the second, and says so.

    Args:
        real: The deployment's objects.
        folder: An empty folder for what the plan writes.
        recorder: Is told of every write.
    """

    def __init__(self, real: Objects, folder: Path, recorder: Recorder) -> None:
        super().__init__(real.root, real.buckets)
        self._real = real
        self._new = Objects(folder)
        self._gone: set[str] = set()
        self._recorder = recorder

    def put(self, uri: str, content: bytes | Path) -> None:
        """Record the write; the content is kept for what the plan reads later."""
        self.stage(uri, content)
        self._recorder.note("objects", "upload", uri, bytes=self._new.path(uri).stat().st_size)

    def stage(self, uri: str, content: bytes | Path) -> None:
        """Pretend that somebody else has written an object."""
        self._gone.discard(uri)
        self._new.put(uri, content)

    def delete(self, uri: str) -> None:
        """Record the removal."""
        self._gone.add(uri)
        self._new.delete(uri)
        self._recorder.note("objects", "delete", uri)

    def get(self, uri: str) -> bytes:
        """The whole object, as the plan would find it."""
        return self._holder(uri).get(uri)

    def head(self, uri: str, size: int) -> bytes:
        """The first bytes of the object, as the plan would find it."""
        return self._holder(uri).head(uri, size)

    def exists(self, uri: str) -> bool:
        """Whether the plan would find an object of this name."""
        return uri not in self._gone and (self._new.exists(uri) or self._real.exists(uri))

    def info(self, uri: str) -> ObjectInfo | None:
        """The object, as the plan would find it."""
        return None if uri in self._gone else self._new.info(uri) or self._real.info(uri)

    def listing(self, folder: str) -> list[ObjectInfo]:
        """Every object below a folder, as the plan would find them."""
        found = {info.uri: info for info in [*self._real.listing(folder), *self._new.listing(folder)]}
        return [found[uri] for uri in sorted(found) if uri not in self._gone]

    @contextmanager
    def local(self, uri: str) -> Iterator[Path]:
        """The object as a file to read."""
        with self._holder(uri).local(uri) as path:
            yield path

    def reader(self, uri: str, buffer: int) -> BinaryIO:
        """The object as a file of which only what is read is fetched."""
        return self._holder(uri).reader(uri, buffer)

    def path(self, uri: str) -> Path:
        """Where the object lies on this machine."""
        return self._holder(uri).path(uri)

    def _holder(self, uri: str) -> Objects:
        if uri in self._gone:
            raise NotFoundError(f"{uri} does not exist")
        return self._new if self._new.exists(uri) else self._real
