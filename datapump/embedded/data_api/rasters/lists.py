"""The lists beside a tile set's tiles: `tiles.geojson`, a feature for each tile, and `extent.geojson`, their union."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import shapely

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapely import Polygon

    from datapump.objects import Objects


def write_lists(folder: str, tiles: Mapping[str, Polygon], properties: dict[str, Any], objects: Objects) -> None:
    """Write both lists of a tile set.

    Args:
        folder: Where its tiles lie, ending in a slash.
        tiles: By name, in degrees.
        properties: What each tile's feature tells besides its name.
        objects: Where to write.
    """
    write_list(f"{folder}tiles.geojson", folder, tiles, properties, objects)
    extent = shapely.union_all(list(tiles.values()))
    objects.put(f"{folder}extent.geojson", _collection([(extent, None)]))


def write_list(
    uri: str, folder: str, tiles: Mapping[str, Polygon], properties: dict[str, Any], objects: Objects
) -> None:  # fmt: skip
    """Write a list of some tiles of a folder, by the names that GDAL reads them under."""
    scheme, rest = folder.split("://", 1)
    virtual = {"s3": "/vsis3/", "gs": "/vsigs/"}[scheme] + rest
    features = [(shape, {**properties, "name": f"{virtual}{name}.tif"}) for name, shape in sorted(tiles.items())]
    objects.put(uri, _collection(features))


def _collection(features: Sequence[tuple[Any, dict[str, Any] | None]]) -> bytes:
    document = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "geometry": shapely.geometry.mapping(shape), "properties": properties}
            for shape, properties in features
        ],
    }
    return json.dumps(document).encode()
