"""The estimate of an analysis's work, by which an engine is chosen, against what it then takes."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.windows import Window

from datapump.engines import AnalysisRequest
from datapump.engines.local.catalog import load_catalog
from datapump.engines.local.grids import GRIDS
from datapump.engines.local.sizing import Sizer
from datapump.objects import Objects
from datapump.settings import Settings

PROCESSES = Settings.model_fields["analysis_processes"].default
# Told on a quiet machine of two cores within 2; another machine may be half as quick again.
WITHIN = 3.0
# Of each analysis the pixels of a side that have values, the degrees they are, and the corner of their tile.
PLACES = {
    "tcl": (8000, 2.0, (10, 10)),
    "glad": (8000, 2.0, (10, 10)),
    "integrated_alerts": (10_000, 1.0, (10, 10)),
    "burned_areas": (6000, 19.9, (0, 90)),
    "viirs": (6000, 19.9, (0, 90)),
}
FIRES = 500_000
pytestmark = pytest.mark.timeout(900)

RUN = """
import json, sys, time
from pathlib import Path
from datapump.engines import AnalysisRequest
from datapump.engines.local import zonal
from datapump.objects import Objects
request = AnalysisRequest.model_validate_json(sys.argv[1])
root, layers, processes = Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
if __name__ == "__main__":
    start = time.perf_counter()
    how = {"layers": layers if layers.is_file() else None, "processes": processes, "progress": lambda *_: None}
    zonal.run(request, Objects(root), **how)
    print(time.perf_counter() - start)
"""


def write_layer(path, layer, grid, place, dice):
    side, _, (west, north) = PLACES[place]
    cell, most, values = 400, 0.8, np.arange(1, max(layer.codes, default=1) + 1)
    if layer.kind in {"number", "bins"}:
        cell, most, values = 4, 0.3, np.arange(1, 101)
    elif layer.kind == "year":
        cell, most, values = 4, 0.9, np.arange(1, 26)
    elif layer.kind == "alerts":
        cell, most, values = 4, 0.97, 20000 + np.arange(3800, 4300)
    fields = dice.choice(values, (side // cell, side // cell))
    fields[dice.random(fields.shape) < most] = 0
    dtype = {"number": "float32", "alerts": "uint16"}.get(layer.kind, "uint8")
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", width=grid.pixels, height=grid.pixels, count=1, dtype=dtype, crs="EPSG:4326",
        transform=Affine(grid.size, 0, west, 0, -grid.size, north), tiled=True, blockxsize=400, blockysize=400,
        compress="deflate", zlevel=1, sparse_ok=True, nodata=0,
    ) as file:  # fmt: skip
        for row in range(0, side, 400):
            strip = fields[row // cell : max((row + 400) // cell, row // cell + 1)].astype(dtype)
            values = np.kron(strip, np.ones((min(cell, 400), cell), dtype=dtype))
            file.write(values, 1, window=Window(0, row, side, 400))


def write_rasters(folder, analysis):
    dice = np.random.default_rng(6)
    catalog = load_catalog(None).of(analysis)
    grid = GRIDS[catalog.grids[analysis]]
    west, north = PLACES[analysis][2]
    tile = grid.tile_id(round((90 - north) / grid.size), round((180 + west) / grid.size))
    for layer in catalog.layers:
        write_layer(folder / layer.name / f"{tile}.tif", layer, grid, analysis, dice)
    lines = [f'[layers.{layer.name}]\nuri = "{layer.name}/{{tile_id}}.tif"\n' for layer in catalog.layers]
    (folder / "layers.toml").write_text("".join(lines))


def rows(shapes):
    lines = [f"{number:08}\t{shapely.to_wkb(shape, hex=True)}\n" for number, shape in enumerate(shapes)]
    return ("geostore_id\tgeom\n" + "".join(lines)).encode()


def divisions(place, across):
    """Features side by side, with edges that are not straight."""
    _, degrees, (west, north) = PLACES[place]
    dice = np.random.default_rng(3)
    steps = np.linspace(0, degrees, across + 1)
    corners = np.stack(np.meshgrid(steps, steps), axis=-1)
    corners += dice.uniform(-0.3, 0.3, corners.shape) * degrees / across
    corners = np.add([west, north - degrees], np.clip(corners, 0.0001, degrees - 0.0001))
    rings = np.stack([corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]], axis=2)
    return rows(shapely.segmentize(shapely.polygons(rings.reshape(-1, 4, 2)), 0.002))


def farms(place, count):
    """Small features, here and there."""
    _, degrees, (west, north) = PLACES[place]
    dice = np.random.default_rng(4)
    angle = np.linspace(0, 2 * math.pi, 30)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) * 0.005
    places = np.add([west, north - degrees], dice.uniform(0.02, degrees - 0.02, (count, 2)))
    return rows(shapely.polygons(places[:, None] + ring))


def fires(place):
    _, degrees, (west, north) = PLACES[place]
    dice = np.random.default_rng(8)
    if place == "burned_areas":
        corners = np.add([west, north - degrees], dice.uniform(0.1, degrees - 0.1, (20_000, 2)))
        boxes = shapely.box(*corners.T, *(corners + 0.05).T)
        lines = [f"2025-01-1{n % 10},{shapely.to_wkb(box, hex=True)}\n" for n, box in enumerate(boxes)]
        return ("alert__date,geom\n" + "".join(lines)).encode()
    places = np.round(np.add([west, north - degrees], dice.uniform(0.01, degrees - 0.01, (FIRES, 2))), 5).tolist()
    lines = [
        f"{y}\t{x}\t2026-11-1{n % 7}\t{n % 2400:04}\tn\t330.1\t290.5\t{n % 9}\n" for n, (x, y) in enumerate(places)
    ]
    header = "latitude\tlongitude\tacq_date\tacq_time\tconfidence\tbright_ti4\tbright_ti5\tfrp\n"
    return (header + "".join(lines)).encode()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sizing")
    objects = Objects(folder / "objects")
    for place in PLACES:
        write_rasters(folder / place, place)
        for name, content in (
            ("few", divisions(place, 22)),
            ("many", divisions(place, 70)),
            ("farms", farms(place, 20_000)),
        ):
            objects.put(f"s3://lake/{place}/{name}.tsv", content)
    for place in ("burned_areas", "viirs"):
        objects.put(f"s3://lake/{place}/fires", fires(place))
    (folder / "run.py").write_text(RUN)
    return folder, objects


def taken(world, analysis, features, processes=PROCESSES, *, layers=True):
    """Seconds as they were told and as they were."""
    folder, objects = world
    catalog = folder / analysis / ("layers.toml" if layers else "none.toml")
    alerts = (f"s3://lake/{analysis}/fires",) if analysis in {"burned_areas", "viirs"} else ()
    asked = {"name": "run", "analysis": analysis, "feature_type": "geostore", "output": f"s3://lake/out/{analysis}"}
    asked |= {"features": [f"s3://lake/{analysis}/{features}.tsv"], "fire_sources": alerts, "as_of": "2026-11-22"}
    request = AnalysisRequest.model_validate_json(json.dumps(asked))
    told = Sizer(objects, catalog if layers else None, processes, 2)(request).hours * 3600
    command = [sys.executable, folder / "run.py", request.model_dump_json(), objects.root, catalog, str(processes)]
    output = subprocess.run(command, capture_output=True, text=True, check=True)
    return told, float(output.stdout.split()[-1])


MORE = ("many", "farms")
CASES = [
    *((analysis, "few", PROCESSES, True) for analysis in PLACES),
    *((analysis, name, PROCESSES, True) for analysis in ("tcl", "glad", "integrated_alerts") for name in MORE),
    ("tcl", "few", 1, True),
    ("viirs", "many", PROCESSES, False),
]


def test_the_estimated_work_is_near_what_an_analysis_takes(world):
    found = {}
    for analysis, features, processes, layers in CASES:
        told, was = taken(world, analysis, features, processes, layers=layers)
        name = f"{analysis} {features} {processes}{'' if layers else ' without layers'}"
        found[name] = {"told_s": round(told, 1), "was_s": round(was, 1), "ratio": round(told / was, 2)}
    sys.stdout.write("\n" + json.dumps(found, indent=1) + "\n")
    far = {name: one for name, one in found.items() if not 1 / WITHIN < one["ratio"] < WITHIN}
    assert far == {}
