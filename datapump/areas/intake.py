"""What becomes of the areas that are pending: which can be analysed, and in which file each of them is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from datapump.areas.slices import Rejection, check_geostore_id
from datapump.clients.areas_api import MOST_GEOSTORES
from datapump.errors import RemoteInvalidError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from datapump.areas.files import Known
    from datapump.areas.slices import Slicer
    from datapump.clients.areas_api import AreasApi, Geostore

OUTSIDE = "no part of it lies on the land that is analysed"


@dataclass
class Intake:
    """The pending areas, by what is to be done about them. All ids are those that the areas store.

    Attributes:
        by_file: Areas that are in a file that a sync made before, by the file's name.
        foreign: Areas that are in a file from elsewhere, by the file's name.
        fresh: Areas that are new, by the current id of their geometry, which is the id in the file.
        rejected: Areas that cannot be analysed, and why.
        missing: Areas whose geometry does not exist.
        unread: Areas whose geometry could not be read, and why.
    """

    by_file: dict[str, list[str]] = field(default_factory=dict)
    foreign: dict[str, list[str]] = field(default_factory=dict)
    fresh: dict[str, list[str]] = field(default_factory=dict)
    rejected: list[Rejection] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unread: list[Rejection] = field(default_factory=list)


def take_in(pending: Sequence[str], api: AreasApi, known: Mapping[str, Known], slicer: Slicer) -> Intake:
    """Fetch the geometries of pending areas and cut those that are new.

    Args:
        pending: The ids that the areas store.
        api: Where the geometries are.
        known: The areas that are in files already.
        slicer: Cuts and writes.

    Raises:
        RemoteUnavailableError: The Areas API did not answer.
        RemoteRefusedError: It said no.
    """
    intake = Intake()
    valid = []
    for identity in sorted(set(pending)):
        reason = check_geostore_id(identity)
        if reason is None:
            valid.append(identity)
        else:
            intake.rejected.append(Rejection(identity, reason))
    for start in range(0, len(valid), MOST_GEOSTORES):
        for asked, geostore in _fetch(valid[start : start + MOST_GEOSTORES], api, intake):
            _sort(asked, geostore, known, slicer, intake)
    slicer.flush()
    _reject(slicer, intake)
    return intake


def _fetch(ids: Sequence[str], api: AreasApi, intake: Intake) -> Iterator[tuple[str, Geostore]]:
    """The geometries of ids; an answer that cannot be used is asked for again in halves, down to the one at fault."""
    try:
        found = api.geostores(ids)
    except RemoteInvalidError as error:
        if len(ids) == 1:
            intake.unread.append(Rejection(ids[0], error.message))
            return
        for half in (ids[: len(ids) // 2], ids[len(ids) // 2 :]):
            yield from _fetch(half, api, intake)
        return
    intake.missing += [asked for asked in ids if asked not in found]
    yield from ((asked, found[asked]) for asked in ids if asked in found)


def _sort(asked: str, geostore: Geostore, known: Mapping[str, Known], slicer: Slicer, intake: Intake) -> None:
    place = known.get(geostore.id)
    if check_geostore_id(geostore.id) is not None:
        intake.unread.append(Rejection(asked, "the Areas API answered with an id that is none"))
    elif place is not None:
        (intake.by_file if place.own else intake.foreign).setdefault(place.stem, []).append(asked)
    elif geostore.id in intake.fresh:
        intake.fresh[geostore.id].append(asked)
    else:
        intake.fresh[geostore.id] = [asked]
        slicer.add(geostore.id, geostore.attributes)


def _reject(slicer: Slicer, intake: Intake) -> None:
    """Take what could not be cut out of what is new."""
    outside = [Rejection(identity, OUTSIDE) for identity in slicer.outside]
    for identity, reason in [*slicer.rejected, *outside]:
        intake.rejected += [Rejection(asked, reason) for asked in intake.fresh.pop(identity)]
