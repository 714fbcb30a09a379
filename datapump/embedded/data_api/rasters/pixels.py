"""What a tile set's pixels are: their type, the value that stands for no data, and what a formula makes of bands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from datapump.errors import DataError
from datapump.rasters.expressions import band_name
from datapump.rasters.formula import evaluate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.embedded.data_api.models.rasters import RasterTileSet

Masked = np.ma.MaskedArray[Any, Any]

# What a type is stored as: numpy's name and, where it is narrower, its bits.
_STORED: dict[str, tuple[str, int | None]] = {
    "boolean": ("uint8", 1),
    "half": ("float32", 16),
    "float16": ("float32", 16),
}
_STORED |= {"single": ("float32", None), "double": ("float64", None)}


@dataclass(frozen=True)
class PixelType:
    """How pixels are stored.

    Attributes:
        dtype: Type of the array.
        nbits: Bits that a pixel takes in the file; None: all that the type has.
        nodata: Stands for no data; None: nothing does, and where nothing is written, 0 is read.
        bands: How many there are.
    """

    dtype: np.dtype[Any]
    nbits: int | None
    nodata: float | None
    bands: int

    @property
    def blank(self) -> float:
        """What is read where nothing is written."""
        return 0 if self.nodata is None else self.nodata

    def has_data(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which pixels are not blank."""
        if np.isnan(self.blank):
            return np.asarray(~np.isnan(values))
        return np.asarray(values != values.dtype.type(self.blank))


def pixel_type(options: RasterTileSet) -> PixelType:
    """The type that creation options ask for.

    Raises:
        DataError: The value for no data does not fit the type.
    """
    name, bits = _STORED.get(options.data_type, (options.data_type, None))
    dtype = np.dtype(name)
    told = options.no_data[0] if isinstance(options.no_data, list) else options.no_data
    nodata = None if told is None else float(told)
    if nodata is not None and np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        if np.isnan(nodata) or not limits.min <= nodata <= limits.max:
            raise DataError(f"no_data {told} cannot be a value of {options.data_type}")
    return PixelType(dtype, options.nbits or bits, nodata, options.band_count)


def computed(options: RasterTileSet, kind: PixelType, bands: Sequence[Masked]) -> np.ndarray[Any, Any]:
    """The tile set's values from the bands of its sources, shape (bands, rows, columns).

    Raises:
        DataError: The formula cannot be computed, or gives another number of bands than is asked for.
    """
    if options.calc:
        named = {band_name(number): band for number, band in enumerate(bands)}
        found = np.ma.asanyarray(evaluate(options.calc, named, options.data_type))
        found = found[np.newaxis] if found.ndim == bands[0].ndim else found
    else:
        found = np.ma.stack(list(bands))
    if len(found) != kind.bands:
        what = "the formula gives" if options.calc else "the sources have"
        raise DataError(f"{what} {len(found)} bands, band_count asks for {kind.bands}")
    return np.ma.filled(found.astype(kind.dtype), kind.dtype.type(kind.blank))


def is_blank_where_sources_are(
    options: RasterTileSet, kind: PixelType, bands: Sequence[Masked], *, filled: bool
) -> bool:  # fmt: skip
    """Whether nothing comes of no data, so that blocks without any need not be looked at.

    Args:
        options: With the formula.
        kind: The type of the result.
        bands: Some pixels of each band, for their types.
        filled: Whether a source has no value for no data: what it leaves out is read as 0 then.
    """
    for masked in (True, False) if filled else (True,):
        blank = [np.ma.MaskedArray(np.zeros((1, 1), band.dtype), mask=masked) for band in bands]
        try:
            if kind.has_data(computed(options, kind, blank)).any():
                return False
        except DataError:
            return False
    return True
