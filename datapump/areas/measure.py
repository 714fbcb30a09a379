"""How large a geometry in degrees is on the ground."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

EARTH_RADIUS_M = 6_371_007.181  # of the sphere with the surface of the WGS 84 ellipsoid
SQUARE_METRES_PER_HECTARE = 10_000


def hectares(geometries: NDArray[np.object_]) -> NDArray[np.float64]:
    """Area on the sphere, hectares, shape (n,), within a percent of that on the ellipsoid.

    Args:
        geometries: Longitude and latitude, degrees (WGS 84), shape (n,); None counts as 0.
    """
    flat = shapely.transform(np.asarray(geometries, dtype=np.object_), _equal_area)
    areas: NDArray[np.float64] = np.nan_to_num(shapely.area(flat)) * EARTH_RADIUS_M**2 / SQUARE_METRES_PER_HECTARE
    return areas


def _equal_area(coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lambert's cylindrical projection of a unit sphere."""
    return np.column_stack([np.radians(coordinates[:, 0]), np.sin(np.radians(coordinates[:, 1]))])
