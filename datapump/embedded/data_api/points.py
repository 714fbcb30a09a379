"""Points as PostGIS prints them, for whole columns at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

WGS84, WEB_MERCATOR = 4326, 3857
_EARTH_RADIUS_M = 6378137.0
_POINT_WITH_SRID = 0x20000001
_EWKB = np.dtype([("order", "u1"), ("kind", "<u4"), ("srid", "<u4"), ("x", "<f8"), ("y", "<f8")])
_HEX = np.frombuffer("".join(f"{byte:02X}" for byte in range(256)).encode(), dtype="<u2")


def point_hex(x: NDArray[np.float64], y: NDArray[np.float64], srid: int) -> list[bytes]:
    """Each point as hexadecimal EWKB, 50 upper-case digits."""
    points = np.empty(len(x), dtype=_EWKB)
    points["order"], points["kind"], points["srid"] = 1, _POINT_WITH_SRID, srid
    points["x"], points["y"] = x, y
    digits = _HEX[points.view(np.uint8).reshape(len(x), _EWKB.itemsize)]
    return list(digits.view(f"S{2 * _EWKB.itemsize}").ravel())


def wgs84_points(longitude: Any, latitude: Any) -> Any:  # noqa: ANN401 - Arrow arrays carry no types
    """The column `geom`: degrees in, EPSG:4326 out; null where a coordinate is null."""
    return _column(_values(longitude), _values(latitude), WGS84)


def web_mercator_points(longitude: Any, latitude: Any) -> Any:  # noqa: ANN401 - Arrow arrays carry no types
    """The column `geom_wm`: degrees in, EPSG:3857 (metres) out; null also at the poles, which have no place there."""
    radians = np.radians(_values(latitude))
    x = np.radians(_values(longitude)) * _EARTH_RADIUS_M
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.where(np.abs(radians) < np.pi / 2, np.log(np.tan(np.pi / 4 + radians / 2)) * _EARTH_RADIUS_M, np.nan)
    return _column(x, y, WEB_MERCATOR)


def _values(column: Any) -> NDArray[np.float64]:  # noqa: ANN401 - Arrow arrays carry no types
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def _column(x: NDArray[np.float64], y: NDArray[np.float64], srid: int) -> Any:  # noqa: ANN401 - Arrow arrays carry no types
    return pa.array(point_hex(x, y, srid), type=pa.binary(), mask=~np.isfinite(x + y)).cast(pa.string())
