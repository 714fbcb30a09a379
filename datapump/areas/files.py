"""Feature files of user areas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.areas.reading import read_areas
from datapump.areas.slices import Rejection, Slicer
from datapump.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

    from datapump.land import Cells


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
