"""Zip archives from outside: unpacked within limits, whole or not at all."""

from __future__ import annotations

import errno
import io
import re
import stat
import struct
import tempfile
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from datapump.errors import DataError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 2**20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1 | 0x40  # the flag bits of plain and of strong encryption
_LONGEST_SEGMENT = 255
# What zipfile raises on archives that are not what they say.
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True)
class ArchiveLimits:
    """How much an archive may hold.

    Attributes:
        entries: Files and folders.
        total_bytes: Bytes of all files, unpacked.
        ratio: Unpacked bytes for each byte of the archive; counted beyond `allowance`.
        allowance: Unpacked bytes that are let through at any ratio: small files of blanks are harmless.
    """

    entries: int = 100
    total_bytes: int = 4 * 2**30
    ratio: float = 200.0
    allowance: int = 2**20


def extract(archive: Path, into: Path, *, limits: ArchiveLimits) -> list[Path]:
    """Unpack a zip archive into a folder, which is made if need be; folders in the archive are kept below it.

    Sizes are counted as bytes are unpacked, whatever the archive says of itself. On any error nothing is left in
    the folder.

    Returns:
        The unpacked files, sorted by path.

    Raises:
        DataError: Not a whole zip archive, beyond a limit, or with an entry that is refused: an absolute or parent
            path, a drive letter, a backslash, a link, an encrypted entry, a repeated name.
        StorageError: The disk refused the unpacked files, or one of that name is there already.
    """
    try:
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=into) as folder:
            names = _unpack(archive, Path(folder), limits)
            _move(Path(folder), into)
    except OSError as error:
        raise StorageError(
            f"{archive.name} could not be unpacked into {into}: {error.strerror or error}; free space and try again"
        ) from error
    return sorted(into / name for name in names)


def _unpack(archive: Path, folder: Path, limits: ArchiveLimits) -> list[str]:
    """Unpack every file below the folder; their names."""
    with _reading(archive), _GuardedFile(archive) as file, zipfile.ZipFile(file) as opened:
        entries = opened.infolist()
        if len(entries) > limits.entries:
            raise DataError(f"{archive.name} holds {len(entries)} entries: more than the {limits.entries} allowed")
        _check_names(archive, entries)
        size = archive.stat().st_size
        allowed = min(limits.total_bytes, limits.allowance + int(limits.ratio * size))
        left = allowed
        files = [entry for entry in entries if not entry.is_dir()]
        for entry in files:
            target = folder / entry.filename
            target.parent.mkdir(parents=True, exist_ok=True)
            with opened.open(entry) as source:
                left -= _inflate(source, target, left)
            if left < 0:
                raise DataError(
                    f"{archive.name} ({size} bytes) unpacks to more than {allowed} bytes, the most allowed: "
                    f"at most {limits.total_bytes} in all and {limits.ratio:g} times its own size"
                )
    return [entry.filename for entry in files]


def _inflate(source: IO[bytes], target: Path, most: int) -> int:
    """Copy at most one chunk more than `most` bytes; how many they were."""
    count = 0
    with target.open("xb") as out:
        while count <= most and (chunk := source.read(_CHUNK)):
            out.write(chunk)
            count += len(chunk)
    return count


def _check_names(archive: Path, entries: list[zipfile.ZipInfo]) -> None:
    """Refuse entries that would end up elsewhere, on each other, or as something other than files and folders."""
    files: set[PurePosixPath] = set()
    for entry in entries:
        if reason := _refusal(entry):
            raise DataError(f"{archive.name} is refused: its entry {entry.orig_filename!r} {reason}")
        if not entry.is_dir():
            path = PurePosixPath(entry.filename)
            if path in files:
                raise DataError(f"{archive.name} is refused: its entry {entry.filename!r} is there twice")
            files.add(path)
    for entry in entries:
        path = PurePosixPath(entry.filename)
        above = set(path.parents) | ({path} if entry.is_dir() else set())
        if clash := above & files:
            raise DataError(f"{archive.name} is refused: {str(clash.pop())!r} is both a file and a folder in it")


def _refusal(entry: zipfile.ZipInfo) -> str | None:
    """Why an entry is refused; None if it is not."""
    name = entry.orig_filename
    segments = name.removesuffix("/").split("/")
    plain = name.isprintable() and not {"", "."} & set(segments) and max(map(_length, segments)) <= _LONGEST_SEGMENT
    kind = stat.S_IFMT(entry.external_attr >> 16)
    faults = (
        ("\\" in name, "holds a backslash"),
        (name.startswith("/") or re.match(r"[A-Za-z]:", name), "is an absolute path"),
        (".." in segments, "leads out of the folder"),
        (not plain, "is not a plain file name"),
        (kind not in (0, stat.S_IFREG, stat.S_IFDIR), "is a link or a device"),
        (entry.flag_bits & _ENCRYPTED, "is encrypted"),
        (entry.compress_type not in _METHODS, "is compressed by a method other than deflate"),
    )
    return next((reason for fault, reason in faults if fault), None)


def _length(segment: str) -> int:
    return len(segment.encode("utf-8", "surrogateescape"))


def _move(folder: Path, into: Path) -> None:
    made = list(folder.iterdir())
    for path in made:
        if (into / path.name).exists():
            raise FileExistsError(0, f"{path.name} is there already")
    for path in made:
        path.rename(into / path.name)


@contextmanager
def _reading(archive: Path) -> Iterator[None]:
    """Turn what a damaged archive makes of the reader into one sentence."""
    try:
        yield
    except _DAMAGE as error:
        reason = str(error).rstrip(".") or "it ends too early"
        raise DataError(
            f"{archive.name} is not a whole zip archive: {reason}; it was cut short, damaged, or is of another kind"
        ) from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # that one comes of positions before the file's beginning
            raise
        raise DataError(f"{archive.name} is not a whole zip archive: it points outside itself") from error


class _GuardedFile(io.BufferedReader):
    """An archive that refuses to be read into memory whole.

    `zipfile` reads an archive's directory at one go, however long the archive says it is; entries are read in chunks.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size = path.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """As any file's `read`, at most 1 MiB at a time.

        Raises:
            BadZipFile: More was asked for.
        """
        if size is None or size < 0:
            size = max(self._size - self.tell(), 0)
        if size > _CHUNK:
            raise zipfile.BadZipFile("its directory is too long")
        return super().read(size)
