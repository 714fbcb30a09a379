"""The plain way to cut areas: every cell tested for every area. Arguments: a find-by-ids answer, the file to write."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import shapely
from shapely.geometry import shape

from datapump.land import land_cells


def main(source: Path, out: Path) -> None:
    """Cut the areas of a file."""
    cells = land_cells()
    flagged = list(zip(cells.boxes, cells.tcl, cells.glad, strict=True))
    with out.open("w") as file:
        file.write("geostore_id\tgeom\ttcl\tglad\n")
        for item in json.loads(source.read_text())["data"]:
            geojson = item["geostore"]["data"]["attributes"]["geojson"]
            area = shape(geojson["features"][0]["geometry"]).buffer(0.0001).buffer(-0.0001)
            area = area if area.is_valid else shapely.make_valid(area)
            for box, tcl, glad in flagged:
                if area.intersects(box):
                    piece = area.intersection(box)
                    if piece.area > 0:
                        file.write(f"{item['geostoreId']}\t{piece.wkb_hex}\t{tcl}\t{glad}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
