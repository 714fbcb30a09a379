"""The areas of a folder: GeoJSON files, in which every feature is one area."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

from datapump.areas.measure import hectares

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

logger = logging.getLogger(__name__)
SUFFIXES = frozenset({".geojson", ".json"})
JSON = dict[str, Any]


class FolderArea(NamedTuple):
    """An area in a file.

    Attributes:
        source: Names it for ever: its file and, if it has one of its own, its id there, else its number.
        geostore: Id of its geometry: `geostore_id` of its properties, else the MD5 of the geometry.
        attributes: Of the geometry, as find-by-ids answers them.
        properties: The feature's own; `name`, `email` and `userId` become the area's.
    """

    source: str
    geostore: str
    attributes: JSON
    properties: JSON


def areas_in(folder: Path, unread: list[str]) -> Iterator[FolderArea]:
    """The areas of all files, in the order of the files' names.

    Args:
        folder: Where the files are.
        unread: Gets a sentence for each file that is no GeoJSON, and is left out.
    """
    if not folder.is_dir():
        return
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES):
        try:
            features = _features(json.loads(path.read_bytes()))
        except (ValueError, RecursionError, OSError) as error:
            unread.append(f"{path.name} holds no areas: {error}")
            logger.warning("%s", unread[-1])
            continue
        taken: set[str] = set()
        for number, feature in enumerate(features, start=1):
            identity = str(feature.get("id", number))
            # Two features of one id would take turns in being the same area.
            identity = f"{identity}#{number}" if identity in taken else identity
            taken.add(identity)
            yield _area(f"{path.name}#{identity}", feature)


def _features(document: object) -> list[JSON]:
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "FeatureCollection" and isinstance(document, dict) and isinstance(document.get("features"), list):
        return [feature for feature in document["features"] if isinstance(feature, dict)]
    if kind == "Feature" and isinstance(document, dict):
        return [document]
    raise ValueError("neither a GeoJSON Feature nor a FeatureCollection")


def _area(source: str, feature: JSON) -> FolderArea:
    told = feature.get("properties")
    properties: JSON = told if isinstance(told, dict) else {}
    geometry = feature.get("geometry")
    digest = hashlib.md5(json.dumps(geometry, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
    identity = str(properties.get("geostore_id") or digest)
    one = {"type": "Feature", "properties": None, "geometry": geometry}
    attributes = {
        "geojson": {"crs": {}, "type": "FeatureCollection", "features": [one]},
        "hash": identity,
        "provider": {},
        **_measured(geometry),
        "lock": False,
        "info": {"use": {}},
    }
    return FolderArea(source, identity, attributes, properties)


def _measured(geometry: object) -> JSON:
    """Size and bounds; nothing for a geometry that cannot be measured, which the service keeps all the same."""
    try:
        shape = shapely.from_geojson(json.dumps(geometry))
    except (shapely.errors.GEOSException, ValueError, TypeError):
        return {}
    if shape is None or shape.is_empty or not np.isfinite(shape.bounds).all():
        return {}
    return {"areaHa": float(hectares(np.array([shape], dtype=np.object_))[0]), "bbox": list(shape.bounds)}
