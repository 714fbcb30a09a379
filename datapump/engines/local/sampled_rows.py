"""Some rows of large delimited files, each row as likely as any other, to tell from them what all are like."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from datapump.engines.local.files import InputFile
from datapump.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from datapump.objects import ObjectInfo

# Bytes that are read of all files together, in so many pieces.
_SAMPLE = 4 * 2**20
_PIECES = 64
_PIECE = _SAMPLE // _PIECES
_LONGEST_ROW = 64 * 2**20


class Copies(Objects):
    """Files that lie on this machine under the names of those that their rows are of.

    Args:
        paths: Where they lie.
    """

    def __init__(self, paths: Mapping[str, Path]) -> None:
        super().__init__(None)
        self._paths = paths

    @contextmanager
    def local(self, uri: str) -> Iterator[Path]:
        """The file itself."""
        yield self._paths[uri]


class Sample(NamedTuple):
    """Files of some rows, with their headers.

    Attributes:
        files: The files that the rows are of, with the bytes of these.
        copies: Where the rows are read from.
        share: About which share of all rows they are, 0 to 1.
    """

    files: list[InputFile]
    copies: Copies
    share: float


def sample(objects: Objects, infos: Sequence[ObjectInfo], folder: Path) -> Sample:
    """Rows of files that begin in pieces of them, evenly spread: a long row is as likely to be there as a short one.

    Args:
        objects: Where the files lie.
        infos: The files; small ones are taken whole.
        folder: Where the rows are written to.

    Raises:
        NotFoundError: A file is not there any more.
        StorageError: It could not be read.
    """
    total = sum(info.size for info in infos)
    share = min(1.0, _SAMPLE / max(total, 1))
    paths = {}
    for number, (info, starts) in enumerate(_starts(infos, total)):
        path = folder / f"{number}.tsv"
        with closing(objects.reader(info.uri, _PIECE)) as file, path.open("wb") as out:
            header = _whole(file.read(_PIECE), file)
            out.write(header[: header.find(b"\n") + 1] or header)
            for start in starts:
                out.write(_rows(file, max(start, header.find(b"\n") + 1), start + _PIECE if share < 1 else info.size))
        paths[info.uri] = path
    files = [InputFile(name, path.stat().st_size) for name, path in paths.items()]
    return Sample(files, Copies(paths), share)


def _starts(infos: Sequence[ObjectInfo], total: int) -> Iterator[tuple[ObjectInfo, list[int]]]:
    """Of each file that pieces begin in: where they do."""
    if total <= _SAMPLE:
        yield from ((info, [0]) for info in infos)
        return
    places = [int((number + 0.5) * total / _PIECES) for number in range(_PIECES)]
    before = 0
    for info in infos:
        inside = [place - before for place in places if before <= place < before + info.size]
        if inside:
            yield info, inside
        before += info.size


def _rows(file: BinaryIO, start: int, stop: int) -> bytes:
    """The rows that begin in a part of a file, the last one to its end."""
    file.seek(start - 1)
    text = _whole(file.read(stop - start + 1), file)
    first = text.find(b"\n") + 1
    # Without one, what is there is the middle of a row.
    return text[first:] if 0 < first <= stop - start + 1 else b""


def _whole(text: bytes, file: BinaryIO) -> bytes:
    """What was read of a file, and the rest of its last row."""
    while text and not text.endswith(b"\n") and len(text) < _LONGEST_ROW:
        more = file.read(_PIECE)
        if not more:
            return text + b"\n"
        end = more.find(b"\n")
        text += more if end < 0 else more[: end + 1]
    return text
