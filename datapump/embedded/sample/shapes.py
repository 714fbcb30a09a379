"""Outlines for an invented map: wiggly border lines, blobs and rectangles.

Coordinates are degrees, longitude first, rounded to four decimals (some 11 m), so that a shape written as text
and read back is the same shape. All randomness comes from the generator that is passed in.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon

DECIMALS = 4

Points = NDArray[np.float64]


def wiggly_line(start: Points, end: Points, rng: np.random.Generator, *, halvings: int = 3) -> Points:
    """A line that strays from the straight one: midpoint displacement, each halving strays half as far.

    Args:
        start: Longitude and latitude of the first point, shape (2,).
        end: The last point, shape (2,).
        rng: Source of the displacements; draws `2 ** halvings - 1` numbers.
        halvings: How often every segment is cut in two.

    Returns:
        The points from start to end, both included, shape (2 ** halvings + 1, 2), rounded.
    """
    points = np.array([start, end], dtype=np.float64)
    for level in range(halvings):
        step = np.diff(points, axis=0)
        across = np.column_stack([-step[:, 1], step[:, 0]])
        stray = (rng.random(len(step)) - 0.5) * 0.5 / (1 + 0.5 * level)
        middle = points[:-1] + step / 2 + across * stray[:, None]
        finer = np.empty((2 * len(step) + 1, 2))
        finer[0::2] = points
        finer[1::2] = middle
        points = finer
    return points.round(DECIMALS)


def blob_ring(centre: tuple[float, float], radius: float, rng: np.random.Generator) -> list[tuple[float, float]]:
    """A closed, counter-clockwise, star-shaped outline with a vertex every 0.04 degrees or so.

    Args:
        centre: Longitude and latitude.
        radius: Mean distance of the outline from the centre, degrees.
        rng: Source of the undulation; draws ten numbers.
    """
    count = max(10, round(2 * np.pi * radius / 0.04))
    angle = np.arange(count) * (2 * np.pi / count)
    distance = np.full(count, 1.0)
    for wave in range(2, 7):
        height, phase = rng.random(2)
        distance += height * 0.35 / wave * np.cos(wave * angle + 2 * np.pi * phase)
    x = centre[0] + radius * distance * np.cos(angle)
    y = centre[1] + radius * distance * np.sin(angle)
    return _closed(np.column_stack([x, y]))


def rectangle(centre: tuple[float, float], size: tuple[float, float], turn: float) -> Polygon:
    """A rectangle turned about its centre.

    Args:
        centre: Longitude and latitude.
        size: Length of the two sides, degrees.
        turn: Degrees, counter-clockwise.
    """
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * size
    angle = np.radians(turn)
    turned = corners @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return Polygon(_closed(turned + centre))


def _closed(points: Points) -> list[tuple[float, float]]:
    ring = [(float(x), float(y)) for x, y in points.round(DECIMALS)]
    return [*ring, ring[0]]
