"""Feeds taken from the web or from a file, within limits of size and time."""

from __future__ import annotations

import re
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from datapump.errors import DataError, InvalidInputError, NotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from datapump.sources.download_limits import DownloadLimits

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def fetch(
    source: str,
    into: Path,
    *,
    limits: DownloadLimits,
    hosts: frozenset[str],
    monotonic: Callable[[], float] = time.monotonic,
) -> Path:
    """The file that a source names, on this machine.

    A URL is downloaded into the folder `into`, where a file appears only when it is complete. A path or `file://`
    URL is used in place.

    Args:
        source: `https://...`, `http://...` of this machine itself, `file:///...`, or a path.
        into: Folder for downloads; made if need be.
        limits: What a download may take.
        hosts: Host names that may be asked, also by redirects.
        monotonic: Seconds of a clock that is never set back.

    Raises:
        InvalidInputError: The source is nothing that can be fetched, or its host is not in `hosts`.
        NotFoundError: There is no such file.
        DataError: The file is larger than the limit.
        RemoteUnavailableError: No answer, a broken off one, one that means "later", or not all of it in time.
        RemoteRefusedError: The server says no.
        RemoteInvalidError: A web page, too many bytes, a redirect elsewhere, or not HTTP at all.
        StorageError: The disk refused the download.
    """
    match = _SCHEME.match(source)
    if match is None:
        return _local(Path(source), limits)
    scheme = match[1].lower()
    if scheme == "file":
        return _local(_path_of(source), limits)
    if scheme not in ("http", "https"):
        raise InvalidInputError(f"a feed cannot be fetched by {scheme}: give an https URL or a file's path")

    # httpx takes longer to import than a small feed to read, and files do without it.
    from datapump.sources.http_download import download  # noqa: PLC0415 - see above

    return download(source, into, limits=limits, hosts=hosts, monotonic=monotonic)


def _path_of(url: str) -> Path:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise InvalidInputError(f"file URLs name files of this machine, as in file:///path: not of {parts.hostname!r}")
    return Path(unquote(parts.path))


def _local(path: Path, limits: DownloadLimits) -> Path:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise NotFoundError(f"the feed {str(path)!r} does not exist: give an https URL or a file's path") from None
    except ValueError:
        raise InvalidInputError(f"{str(path)!r} is not a file's path") from None
    except OSError as error:
        raise StorageError(f"the feed {str(path)!r} could not be opened: {error.strerror or error}") from error
    if not stat.S_ISREG(status.st_mode):
        raise InvalidInputError(f"the feed {str(path)!r} is not a regular file")
    if status.st_size > limits.max_bytes:
        raise DataError(f"the feed {str(path)!r} is {status.st_size} bytes long: at most {limits.max_bytes} are taken")
    return path
