"""Feature files of user areas: one a night that brought new ones, all of which every analysis of all areas reads.

An area must be in one file only, or its alerts would be counted twice. So each file that a sync makes has a list of its
areas beside it; of a file from elsewhere the ids are read themselves.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from datapump.areas.owed import stem_of
from datapump.areas.reading import read_areas
from datapump.areas.slices import Rejection, Slicer
from datapump.errors import DataError, StorageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from datapump.land import Cells
    from datapump.ports import Ports


def slice_file(source: Path, out: Path, cells: Cells) -> Slicer:
    """Cut the areas of a JSON file; each id once, the first counts. The file appears whole or not at all.

    Raises:
        DataError: The source cannot be read.
        StorageError: The file cannot be written.
    """
    part = out.with_name(out.name + ".part")
    seen: set[str] = set()
    try:
        with part.open("w", encoding="ascii", newline="") as file:
            slicer = Slicer(cells, file)
            for identity, found in read_areas(source):
                if isinstance(found, str):
                    slicer.rejected.append(Rejection(identity, found))
                elif identity in seen:
                    slicer.rejected.append(Rejection(identity, "its id is in the file twice: the first is cut"))
                else:
                    seen.add(identity)
                    slicer.add(identity, found)
            slicer.flush()
        part.replace(out)
    except OSError as error:
        raise StorageError(f"{out} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return slicer


class Known(NamedTuple):
    """Which file an area is in.

    Attributes:
        own: Whether a sync made the file, so that it is known which tables hold it.
    """

    stem: str
    own: bool


def feature_file(stem: str, ports: Ports) -> str:
    """The name of a feature file of user areas."""
    return f"s3://{ports.settings.pipeline_bucket}/geotrellis/features/geostore/{stem}.tsv"


def area_list(stem: str, ports: Ports) -> str:
    """The name of the list of the areas in a file that a sync made."""
    return f"s3://{ports.settings.pipeline_bucket}/geotrellis/areas/{stem}.json"


def stems(ports: Ports) -> list[str]:
    """The names of all feature files, without folder and `.tsv`."""
    return [stem_of(info.uri) for info in ports.objects.glob(feature_file("*", ports))]


def free_stem(sync_version: str, taken: Collection[str]) -> str:
    """The name of a night's file; a later one of the same sync version is numbered, the earlier stays as it is."""
    number = 1
    stem = sync_version
    while stem in taken:
        number += 1
        stem = f"{sync_version}_{number}"
    return stem


def known_areas(ports: Ports) -> dict[str, Known]:
    """The file that each area is in, by the id of its geometry.

    Raises:
        DataError: A list of areas is broken.
    """
    found: dict[str, Known] = {}
    for stem in stems(ports):
        own = ports.objects.exists(area_list(stem, ports))
        found |= {identity: Known(stem, own) for identity in (_listed if own else _read)(stem, ports)}
    return found


def _listed(stem: str, ports: Ports) -> Iterator[str]:
    name = area_list(stem, ports)
    try:
        yield from map(str, json.loads(ports.objects.get(name))["geostores"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{name} is no list of areas: {error!r}") from error


def _read(stem: str, ports: Ports) -> Iterator[str]:
    with ports.objects.local(feature_file(stem, ports)) as path, path.open("rb") as file:
        next(file, None)
        for line in file:
            yield line.split(b"\t", 1)[0].strip(b'"').decode("utf-8", "replace")
