"""Objects under their `s3://` and `gs://` names.

In production the names are buckets. Embedded, every bucket is a folder,
`{root}/{scheme}/{bucket}`, so the same names mean files.
"""

from __future__ import annotations

import errno
import fnmatch
import io
import re
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import obstore
from obstore.store import GCSStore, LocalStore, S3Store

from datapump.buckets import Buckets, asking, is_refusal
from datapump.errors import DataError, NotFoundError, RemoteRefusedError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from pydantic import SecretStr

_URI = re.compile(r"(s3|gs)://([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])/?(.*)", re.DOTALL)

Store = LocalStore | S3Store | GCSStore


@dataclass(frozen=True)
class ObjectInfo:
    """What a listing tells of one object: its name, size in bytes, and when it was last written (UTC)."""

    uri: str
    size: int
    modified: datetime


def split_uri(uri: str) -> tuple[str, str, str]:
    """Scheme, bucket and key of `s3://bucket/key`.

    Raises:
        DataError: Not an `s3://` or `gs://` name, or a key with `.` or `..` segments.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise DataError(f"{uri!r} is not an object's name: expected s3://bucket/key or gs://bucket/key")
    scheme, bucket, key = match.groups()
    if {".", ".."} & set(key.split("/")):
        raise DataError(f"{uri!r} is not an object's name: it steps out of its folder")
    return scheme, bucket, key


class _Ranges(io.RawIOBase):
    """An object's reader as a binary file."""

    def __init__(self, file: obstore.ReadableFile, reading: Callable[[], AbstractContextManager[None]]) -> None:
        super().__init__()
        self._file = file
        self._reading = reading

    def read(self, size: int = -1, /) -> bytes:
        with self._reading():
            return bytes(self._file.read(None if size < 0 else size))

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


class Objects:
    """The objects of one deployment.

    Args:
        root: Folder that holds the buckets; None: they are real.
        buckets: How real buckets are reached, and which are real although others are folders.
        gcs_key: Gives the key (JSON) of the Google service account that reads `gs://`, when the first such bucket is
            opened that is not public. None: as the environment says.
    """

    def __init__(
        self, root: Path | None, buckets: Buckets | None = None, *, gcs_key: Callable[[], SecretStr] | None = None
    ) -> None:
        self.root = root
        self._gcs_key = gcs_key
        self.buckets = buckets or Buckets()
        self._stores: dict[tuple[str, str], Store] = {}

    def is_folder(self, uri: str) -> bool:
        """Whether the object's bucket is a folder on this machine."""
        return self.root is not None and not self.buckets.are_real(split_uri(uri)[1])

    def put(self, uri: str, content: bytes | Path) -> None:
        """Write an object whole: readers see the old one or the new one, never a part.

        Raises:
            RemoteRefusedError: The bucket may not be written.
            StorageError: The disk or bucket refused it otherwise.
        """
        store, key = self._store(uri)
        try:
            obstore.put(store, key, content)
        except (obstore.exceptions.BaseError, OSError) as error:
            text = f"{uri} could not be written: {_reason(error)}"
            if not self.is_folder(uri) and is_refusal(error):
                raise RemoteRefusedError(text) from error
            raise StorageError(text) from error

    def get(self, uri: str) -> bytes:
        """The whole object.

        Raises:
            NotFoundError: There is none.
        """
        store, key = self._store(uri)
        with self._reading(uri):
            return bytes(obstore.get(store, key).bytes())

    def head(self, uri: str, size: int) -> bytes:
        """The first `size` bytes of the object, or all of a smaller one.

        Raises:
            NotFoundError: There is none.
        """
        store, key = self._store(uri)
        with self._reading(uri):
            if obstore.head(store, key)["size"] == 0:
                return b""
            return bytes(obstore.get_range(store, key, start=0, length=size))

    def exists(self, uri: str) -> bool:
        """Whether there is an object of exactly this name."""
        store, key = self._store(uri)
        try:
            with self._reading(uri):
                obstore.head(store, key)
        except NotFoundError:
            return False
        return True

    def info(self, uri: str) -> ObjectInfo | None:
        """What a listing would tell of one object, without a right to list; None: there is none."""
        store, key = self._store(uri)
        if not key or key.endswith("/"):
            return None
        try:
            with self._reading(uri):
                found = obstore.head(store, key)
        except NotFoundError:
            return None
        return ObjectInfo(uri, found["size"], found["last_modified"])

    def delete(self, uri: str) -> None:
        """Remove the object; one that is gone already is no error."""
        store, key = self._store(uri)
        with suppress(NotFoundError), self._reading(uri):
            obstore.delete(store, key)

    def listing(self, folder: str) -> list[ObjectInfo]:
        """Every object below a folder (whole path segments), sorted by name; empty when there is none."""
        scheme, bucket, _ = split_uri(folder)
        store, key = self._store(folder)
        prefix = key.rstrip("/")
        found: list[ObjectInfo] = []
        try:
            with self._reading(folder):
                for chunk in obstore.list(store, prefix=prefix or None, chunk_size=1000):
                    found += [
                        ObjectInfo(f"{scheme}://{bucket}/{meta['path']}", meta["size"], meta["last_modified"])
                        for meta in chunk
                    ]
        except NotFoundError:
            return []
        return sorted(found, key=lambda info: info.uri)

    def folders(self, folder: str) -> list[str]:
        """Names of the folders right in a folder, sorted; one request, however much they hold."""
        store, key = self._store(folder)
        prefix = key.rstrip("/")
        try:
            with self._reading(folder):
                found = obstore.list_with_delimiter(store, prefix=prefix or None)["common_prefixes"]
        except NotFoundError:
            return []
        return sorted(name.rstrip("/").rsplit("/", 1)[-1] for name in found)

    def glob(self, pattern: str) -> list[ObjectInfo]:
        """The objects that a name with `*` in its last segments matches; a plain name matches itself."""
        if "*" not in pattern:
            found = self.info(pattern)
            return [] if found is None else [found]
        folder = pattern[: pattern.index("*")].rsplit("/", 1)[0] + "/"
        return [info for info in self.listing(folder) if fnmatch.fnmatchcase(info.uri, pattern)]

    @contextmanager
    def local(self, uri: str) -> Iterator[Path]:
        """The object as a file to read: itself when embedded, else a copy that is removed afterwards.

        Raises:
            NotFoundError: There is none.
        """
        if self.is_folder(uri):
            path = self.path(uri)
            if not path.is_file():
                raise NotFoundError(f"{uri} does not exist")
            yield path
            return
        store, key = self._store(uri)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / key.rsplit("/", 1)[-1]
            with path.open("wb") as out, self._reading(uri):
                for chunk in obstore.get(store, key):
                    out.write(chunk)
            yield path

    def reader(self, uri: str, buffer: int) -> BinaryIO:
        """The object as a file of which only what is read is fetched.

        Args:
            uri: Its name.
            buffer: Bytes that are fetched at once.

        Raises:
            NotFoundError: There is none.
        """
        store, key = self._store(uri)
        with self._reading(uri):
            file = obstore.open_reader(store, key, buffer_size=buffer)
        return cast("BinaryIO", _Ranges(file, lambda: self._reading(uri)))

    def path(self, uri: str) -> Path:
        """Where the object lies on this machine.

        Raises:
            DataError: The deployment's objects are not files.
        """
        if self.root is None or not self.is_folder(uri):
            raise DataError(f"{uri} is not a file on this machine: its bucket is a real one")
        scheme, bucket, key = split_uri(uri)
        return self.root / scheme / bucket / key

    @contextmanager
    def _reading(self, uri: str) -> Iterator[None]:
        """Tell what goes wrong with reading apart."""
        if not self.is_folder(uri):
            with asking(uri):
                yield
            return
        try:
            yield
        except FileNotFoundError as error:
            raise NotFoundError(f"{uri} does not exist") from error
        except obstore.exceptions.BaseError as error:
            raise StorageError(f"{uri} could not be read: {_reason(error)}") from error

    def _store(self, uri: str) -> tuple[Store, str]:
        scheme, bucket, key = split_uri(uri)
        name = (scheme, bucket)
        if name not in self._stores:
            self._stores[name] = self._open(scheme, bucket)
        return self._stores[name], key

    def _open(self, scheme: str, bucket: str) -> Store:
        if self.root is not None and not self.buckets.are_real(bucket):
            return LocalStore(self.root / scheme / bucket, mkdir=True)
        if scheme == "gs" and self._gcs_key is not None and self.buckets.gs_needs_key(bucket):
            return self.buckets.open(scheme, bucket, self._gcs_key())
        return self.buckets.open(scheme, bucket)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "no space left on the disk; free some and try again"
    text = str(error).split("\n", 1)[0]
    return "no space left on the disk; free some and try again" if "No space left" in text else text
