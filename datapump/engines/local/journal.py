"""What a run has computed so far, window by window, so that a run that was killed goes on where it was."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pickle
import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from datapump.engines.local.windows import Result

_HEAD = struct.Struct("<QI")


class Journal:
    """Results of windows in a file, in the order of the windows.

    A window is there whole or not at all: a length and a checksum stand before each.

    Args:
        folder: Where journals are kept; None: nothing is kept.
        key: All that results depend on: another key is another journal.
    """

    def __init__(self, folder: Path | None, key: str) -> None:
        self._path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.journal" if folder else None
        self._file: BinaryIO | None = None

    def resume(self) -> Iterator[Result]:
        """The windows that were computed before; to be read to the end before anything is added."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Another run computes the very same: each for itself then.
            file.close()
            return
        self._file = file
        while (frame := self._frame(file)) is not None:
            yield frame

    def add(self, result: Result) -> None:
        """Keep one more window."""
        if self._file is None:
            return
        content = pickle.dumps(result, protocol=5)
        self._file.write(_HEAD.pack(len(content), zlib.crc32(content)) + content)
        self._file.flush()

    def remove(self) -> None:
        """Forget all: the tables are written."""
        if self._file is not None and self._path is not None:
            self._path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Keep what is there for later."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @staticmethod
    def _frame(file: BinaryIO) -> Result | None:
        """The next window; None where what follows was cut off, which is then removed."""
        start = file.tell()
        head = file.read(_HEAD.size)
        if len(head) == _HEAD.size:
            length, checksum = _HEAD.unpack(head)
            content = file.read(length)
            if len(content) == length and zlib.crc32(content) == checksum:
                result: Result = pickle.loads(content)  # noqa: S301 - written by this program, for itself
                return result
        file.seek(start)
        file.truncate()
        return None
