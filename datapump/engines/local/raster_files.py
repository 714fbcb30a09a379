"""Files of rasters, on this machine or in a real bucket: found, opened, read."""

from __future__ import annotations

import math
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datapump.engines.local.bucket_rasters import OPEN, BucketRaster, look
from datapump.engines.local.quick_rasterio import NotGeoreferencedWarning, RasterioError, rasterio
from datapump.engines.local.quick_rasterio import Window as FileWindow
from datapump.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datapump.objects import Objects

# Of any type that a raster file may have.
Pixels = NDArray[Any]
RasterFile = Path | BucketRaster

_OPEN = 64
_SAMPLE = 37
_CACHE_BYTES = 32 * 2**20


def is_here(uri: str, objects: Objects) -> bool:
    """Whether it means a file on this machine."""
    return "://" not in uri or objects.is_folder(uri)


def find(uri: str, objects: Objects) -> RasterFile | None:
    """The file of that name; None: it is not there.

    Raises:
        DataError: Something else has that name, or it cannot be told: no reason to take it for a missing tile.
        RemoteRefusedError: It lies in a real bucket and may not be read.
        RemoteUnavailableError: The bucket did not answer, again and again.
    """
    if not is_here(uri, objects):
        return look(uri, objects.buckets)
    path = objects.path(uri) if "://" in uri else Path(uri)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        if path.is_symlink():
            raise DataError(f"{path} is no file: a link that leads nowhere") from error
        return None
    except OSError as error:
        raise DataError(f"{path} cannot be looked at: {error.strerror}") from error
    if not S_ISREG(mode):
        raise DataError(f"{path} is no file: a folder or a device")
    return path


def content_mark(file: RasterFile) -> list[int | str]:
    """What changes when a file's content changes; nothing, of a file that is gone."""
    if isinstance(file, BucketRaster):
        return [file.size, file.tag]
    try:
        stat = file.stat()
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns]


def file_dtype(path: RasterFile) -> np.dtype[Any]:
    """The type of a file's pixels.

    Raises:
        DataError: The file is damaged.
        RemoteError: It lies in a real bucket, which did not answer, or refused.
    """
    with using(path, "cannot be read"):
        found: np.dtype[Any] = np.dtype(_opened_as_it_is(path).dtypes[0])
    return found


def read_window(path: RasterFile, corner: tuple[int, int], out: Pixels, *, finite: bool = True) -> Pixels | None:
    """Pixels of a file, nodata as 0; None where all are 0.

    Args:
        path: The file.
        corner: The first row and column to read.
        out: Where to, an array of the window's shape and the file's type.
        finite: Whether what is no finite number is to read as 0, too.

    Raises:
        DataError: The file is damaged.
        RemoteError: It lies in a real bucket, which did not answer, or refused.
    """
    (row, column), (height, width) = corner, out.shape
    with using(path, f"cannot be read at row {row}, column {column}"):
        file = _opened_as_it_is(path)
        # GDAL keeps what it has decoded, by default up to a share of the machine's memory in every process.
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES):
            values: Pixels = file.read(1, window=FileWindow(column, row, width, height), out=out)
        nodata = file.nodata
    if finite and np.issubdtype(values.dtype, np.floating):
        values[~np.isfinite(values)] = 0
    if nodata is not None and nodata != 0 and math.isfinite(nodata):
        values[values == np.asarray(nodata).astype(values.dtype)] = 0
    return values if values[::_SAMPLE].any() or values.any() else None


def _opened_as_it_is(path: RasterFile) -> Any:  # noqa: ANN401 - rasterio has no types
    if isinstance(path, BucketRaster):
        return OPEN[path].dataset()
    stat = path.stat()
    return _opened(path, stat.st_mtime_ns, stat.st_size)


@contextmanager
def using(path: RasterFile, what: str) -> Iterator[None]:
    """Tell damage from a bucket that does not answer: of the second, GDAL knows nothing.

    Raises:
        DataError: The file is damaged.
        RemoteError: Its bucket did not answer, or refused.
    """
    bucket = path if isinstance(path, BucketRaster) else None
    fault: Exception | None = None
    try:
        yield
    except (RasterioError, NotGeoreferencedWarning, OSError) as error:
        fault = DataError(f"{path} {what}: {_reason(error)}")
        fault.__cause__ = error
    if bucket is not None and (OPEN[bucket].failure or fault):
        fault = OPEN[bucket].failure or fault
        # What GDAL has read by half must not be taken for what is there.
        OPEN.close(bucket)
    if fault is not None:
        raise fault


@lru_cache(maxsize=_OPEN)
def _opened(path: Path, _changed: int, _size: int) -> Any:  # noqa: ANN401 - rasterio has no types
    with rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES, GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        return rasterio.open(path)


def _reason(error: Exception) -> str:
    """GDAL's own words stand in the cause."""
    return str(error.__cause__ or error)
