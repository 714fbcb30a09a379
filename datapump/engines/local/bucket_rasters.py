"""Raster files in real buckets: looked at, and read range by range by GDAL through this deployment's own requests.

GDAL could ask buckets by itself, but it takes a file that it was refused, or got no answer for, for one that is not
there, and it finds other credentials than everything else here.
"""

from __future__ import annotations

import atexit
import io
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import obstore

from datapump.buckets import Buckets, asking
from datapump.engines.local.quick_rasterio import RangesContainer, rasterio
from datapump.errors import DataError, DatapumpError, NotFoundError
from datapump.objects import split_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeVar

    from obstore.store import GCSStore, S3Store

    T = TypeVar("T")
    R = TypeVar("R")

AT_ONCE = 16
_PAGE = 64 * 2**10
_PAGES = 8
_OPEN = 64


@dataclass(frozen=True)
class BucketRaster:
    """A raster file that was found in a real bucket.

    Attributes:
        uri: Its name.
        size: Bytes.
        tag: What the bucket says of its content: another content has another tag.
        buckets: How its bucket is reached.
    """

    uri: str
    size: int
    tag: str
    buckets: Buckets

    def __str__(self) -> str:
        """Its name."""
        return self.uri


def look(uri: str, buckets: Buckets) -> BucketRaster | None:
    """A file of a real bucket; None: it is not there.

    Raises:
        RemoteRefusedError: It may not be read, or there is no such bucket.
        RemoteUnavailableError: The bucket did not answer, again and again.
    """
    scheme, bucket, key = split_uri(uri)
    store = _store(scheme, bucket, buckets)
    try:
        with asking(uri):
            found = obstore.head(store, key)
    except NotFoundError:
        _ensure_bucket(scheme, bucket, buckets)
        return None
    return BucketRaster(uri, found["size"], found["e_tag"] or str(found["last_modified"]), buckets)


def side_by_side(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """What comes of each item, several at a time: to ask a bucket is mostly to wait."""
    return list(_threads(work.__qualname__).map(work, items))


class Ranges(RangesContainer):  # type: ignore[misc]
    """Lets GDAL read one file of a bucket.

    Attributes:
        failure: What went wrong with the requests since it was last cleared. GDAL is told no more than that a read
            failed, and may go on all the same.
    """

    def __init__(self, file: BucketRaster) -> None:
        self._file = file
        self._readers: list[_Reader] = []
        self._dataset: Any = None
        self.failure: DatapumpError | None = None

    def dataset(self) -> Any:  # noqa: ANN401 - rasterio has no types
        """The file as GDAL sees it, opened when it is first asked for; to be used and closed by one thread.

        Raises:
            RasterioError: It is no raster file, or could not be read: see `failure`.
        """
        if self._dataset is None:
            with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
                self._dataset = rasterio.open(self._file.uri, opener=self)
        return self._dataset

    def close(self) -> None:
        """Let go of the file."""
        if self._dataset is not None:
            self._dataset.close()
        self._dataset = None
        self._readers.clear()

    def open(self, path: str, mode: str = "r", **_: object) -> _Reader:
        """The file; no other is there."""
        if path != self._file.uri or "w" in mode:
            raise FileNotFoundError(path)
        reader = _Reader(self._file, self)
        # rasterio gives GDAL the bare address of a reader, and keeps the reader itself only in the caller's context.
        self._readers.append(reader)
        return reader

    def isfile(self, path: str) -> bool:
        """Whether it is the file."""
        return path == self._file.uri

    def isdir(self, path: str) -> bool:  # noqa: ARG002 - asked by GDAL
        """There is no folder."""
        return False

    def ls(self, path: str) -> list[str]:  # noqa: ARG002 - asked by GDAL
        """Nothing beside the file is looked at."""
        return []

    def mtime(self, path: str) -> int:  # noqa: ARG002 - asked by GDAL
        """The tag tells versions apart, not the time."""
        return 0

    def size(self, path: str) -> int:  # noqa: ARG002 - asked by GDAL
        """Bytes of the file."""
        return self._file.size

    def rm(self, path: str) -> None:
        """Nothing is removed."""
        raise OSError(f"{path} is only read")


class _Reader(io.RawIOBase):
    """A position in the file, and the pages of it that were read last: GDAL looks at headers a few bytes at a time."""

    def __init__(self, file: BucketRaster, ranges: Ranges) -> None:
        super().__init__()
        scheme, bucket, self._key = split_uri(file.uri)
        self._store = _store(scheme, bucket, file.buckets)
        self._file = file
        self._ranges = ranges
        self._at = 0
        self._pages: OrderedDict[int, bytes] = OrderedDict()

    def read(self, size: int = -1, /) -> bytes:
        stop = self._file.size if size < 0 else min(self._at + size, self._file.size)
        start, self._at = self._at, max(self._at, stop)
        try:
            return self._through_pages(start, stop)
        except DatapumpError as error:
            self._ranges.failure = error
            return b""

    def get_byte_ranges(self, offsets: Sequence[int], sizes: Sequence[int]) -> list[bytes]:
        """Several ranges at once; zeros in place of what could not be read, which `failure` tells of."""
        spans = [(start, start + size) for start, size in zip(offsets, sizes, strict=True)]
        try:
            if max(stop for _, stop in spans) > self._file.size:
                raise DataError(f"{self._file} is cut off: it names pixels behind its end")
            return side_by_side(self._get, spans)
        except DatapumpError as error:
            self._ranges.failure = error
            return [bytes(stop - start) for start, stop in spans]

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._at = offset + {0: 0, 1: self._at, 2: self._file.size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def _through_pages(self, start: int, stop: int) -> bytes:
        if stop - start > _PAGE:
            return self._get((start, stop))
        first, last = start // _PAGE, -(-stop // _PAGE)
        content = b"".join(self._page(number) for number in range(first, last))
        return content[start - first * _PAGE : stop - first * _PAGE]

    def _page(self, number: int) -> bytes:
        if number not in self._pages:
            self._pages[number] = self._get((number * _PAGE, min((number + 1) * _PAGE, self._file.size)))
        self._pages.move_to_end(number)
        while len(self._pages) > _PAGES:
            self._pages.popitem(last=False)
        return self._pages[number]

    def _get(self, span: tuple[int, int]) -> bytes:
        """A range of the very file that was found at first."""
        start, stop = span[0], min(span[1], self._file.size)
        if stop <= start:
            return b""
        with asking(self._file.uri):
            return bytes(obstore.get(self._store, self._key, options=self._options((start, stop))).bytes())

    def _options(self, span: tuple[int, int]) -> Any:  # noqa: ANN401 - a type of the library's stubs
        return {"range": span, "if_match": self._file.tag} if self._file.tag.startswith('"') else {"range": span}


class OpenRasters(threading.local):
    """The files that a thread has open, at most so many: those that were not used for longest are closed."""

    def __init__(self) -> None:
        self._open: OrderedDict[BucketRaster, Ranges] = OrderedDict()

    def __getitem__(self, file: BucketRaster) -> Ranges:
        """One file."""
        if file not in self._open:
            self._open[file] = Ranges(file)
        self._open.move_to_end(file)
        while len(self._open) > _OPEN:
            self._open.popitem(last=False)[1].close()
        return self._open[file]

    def close(self, file: BucketRaster) -> None:
        """Let go of one."""
        if file in self._open:
            self._open.pop(file).close()

    def close_all(self) -> None:
        """Let go of all."""
        for file in list(self._open):
            self.close(file)


OPEN = OpenRasters()
# GDAL closes files by what they were opened through, which is gone when the interpreter is.
atexit.register(OPEN.close_all)


@lru_cache(maxsize=64)
def _store(scheme: str, bucket: str, buckets: Buckets) -> S3Store | GCSStore:
    return buckets.open(scheme, bucket)


@cache
def _threads(work: str) -> ThreadPoolExecutor:
    """Threads of their own for each kind of work: work that waits for other work must not take its threads."""
    return ThreadPoolExecutor(AT_ONCE, f"bucket {work}")


@lru_cache(maxsize=64)
def _ensure_bucket(scheme: str, bucket: str, buckets: Buckets) -> None:
    """Tell a file that is not there from a bucket that is not there: only a body tells, and a HEAD has none."""
    uri = f"{scheme}://{bucket}/"
    try:
        with asking(uri):
            obstore.get(_store(scheme, bucket, buckets), "datapump-looks-whether-there-is-this-bucket")
    except NotFoundError:
        return
