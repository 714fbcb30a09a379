"""Downloads over HTTP: streamed to a file, limited in size and whole duration, redirected only to listed hosts."""

from __future__ import annotations

import logging
import re
import tempfile
import zlib
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httpx

from datapump.errors import (
    InvalidInputError,
    RemoteInvalidError,
    RemoteRefusedError,
    RemoteUnavailableError,
    StorageError,
)
from datapump.sources.http_deadline import Deadline, DeadlineTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from datapump.sources.download_limits import DownloadLimits

_LATER = (408, 425, 429)
_SECRET_SEGMENT = re.compile(r"(?<=/)[0-9A-Za-z]{32,}(?=/|$)")
_BLANKS = b"\xef\xbb\xbf \t\r\n\0"
_GZIP = zlib.MAX_WBITS | 16
_PLAIN_CODINGS = ("", "identity", "gzip", "deflate")


def download(
    source: str, into: Path, *, limits: DownloadLimits, hosts: frozenset[str], monotonic: Callable[[], float]
) -> Path:
    """Download a URL into a folder; arguments and errors are those of `download.fetch`."""
    url = _parse(source)
    _check_source(url, hosts)
    deadline = Deadline(limits.max_seconds, monotonic)
    with (
        _naming_errors(url, limits, deadline),
        _storing(url, into) as folder,
        httpx.Client(
            transport=DeadlineTransport(deadline),
            timeout=httpx.Timeout(limits.read_seconds, connect=limits.connect_seconds),
            headers={"Accept-Encoding": "gzip, identity", "User-Agent": "datapump"},
            trust_env=False,
        ) as client,
        _answer(client, url, limits, hosts) as response,
    ):
        part = folder / "part"
        _check_answer(response, limits)
        _save(response, part, limits)
        target = into / _file_name(url)
        part.replace(target)
    return target


def shown(url: httpx.URL) -> str:
    """A URL as messages may show it: without user, password, query, and key-like parts of the path."""
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{url.host}{port}{_SECRET_SEGMENT.sub('...', url.path)}"


def _mask(record: logging.LogRecord) -> bool:
    """Write the addresses of a record as messages may show them: the HTTP client tells of each request."""
    if isinstance(record.args, tuple):
        record.args = tuple(shown(one) if isinstance(one, httpx.URL) else one for one in record.args)
    return True


# For all that this process asks: no address in a log holds a key.
logging.getLogger("httpx").addFilter(_mask)


@contextmanager
def _answer(
    client: httpx.Client, url: httpx.URL, limits: DownloadLimits, hosts: frozenset[str]
) -> Iterator[httpx.Response]:
    """The first answer that is no redirect."""
    at = url
    for _ in range(limits.redirects + 1):
        with client.stream("GET", at, follow_redirects=False) as response:
            if not response.has_redirect_location:
                yield response
                return
            at = _redirected(response, url, hosts)
    raise RemoteInvalidError(f"{shown(url)} was redirected more than {limits.redirects} times")


def _redirected(response: httpx.Response, source: httpx.URL, hosts: frozenset[str]) -> httpx.URL:
    """Where a redirect leads, if it may be followed. User and password never are."""
    target = response.url.join(response.headers["location"]).copy_with(userinfo=b"")
    if target.scheme == "http" and source.scheme == "http" and _is_loopback(target.host) and target.host in hosts:
        return target
    if target.scheme != "https" or target.host not in hosts:
        raise RemoteInvalidError(
            f"{shown(source)} was redirected to {target.scheme}://{target.host}, which is not followed: "
            "only https, and only to the hosts of DATAPUMP_FEED_HOSTS"
        )
    return target


def _parse(source: str) -> httpx.URL:
    try:
        url = httpx.URL(source)
    except httpx.InvalidURL:
        raise InvalidInputError("the feed's URL cannot be read: give it as https://host/path") from None
    if not url.host:
        raise InvalidInputError("the feed's URL names no host: give it as https://host/path")
    return url


def _check_source(url: httpx.URL, hosts: frozenset[str]) -> None:
    if url.scheme == "http" and not _is_loopback(url.host):
        raise InvalidInputError(f"{shown(url)} is not fetched over http: give the https URL")
    if url.host not in hosts:
        raise InvalidInputError(
            f"{shown(url)} is not fetched: {url.host} is not among the hosts of DATAPUMP_FEED_HOSTS; add it there"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_answer(response: httpx.Response, limits: DownloadLimits) -> None:
    """Refuse an answer that its status and headers show to be none."""
    name, status = shown(response.url), response.status_code
    if status in _LATER or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise RemoteUnavailableError(f"{name} answered {status}: try again later", status=status)
    if status >= httpx.codes.BAD_REQUEST:
        raise RemoteRefusedError(f"{name} answered {status}: check the feed's address", status=status)
    if status != httpx.codes.OK:
        raise RemoteInvalidError(f"{name} answered {status} where a file was expected", status=status)
    if re.match(r"\s*(text/html|application/xhtml)", response.headers.get("content-type", ""), re.IGNORECASE):
        raise _web_page(response)
    if response.headers.get("content-encoding", "").strip().lower() not in _PLAIN_CODINGS:
        raise RemoteInvalidError(f"{name} answered in an encoding that was not asked for", status=status)
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limits.max_bytes:
        raise RemoteInvalidError(
            f"{name} announces {length} bytes: at most {limits.max_bytes} are taken (DATAPUMP_DOWNLOAD_MAX_BYTES)"
        )


def _save(response: httpx.Response, part: Path, limits: DownloadLimits) -> None:
    """Stream the body to a file, counting its decoded bytes."""
    count, begun = 0, False
    with part.open("xb") as out:
        for chunk in _decoded(response):
            count += len(chunk)
            if count > limits.max_bytes:
                raise RemoteInvalidError(
                    f"{shown(response.url)} sends more than the {limits.max_bytes} bytes that are taken "
                    "(DATAPUMP_DOWNLOAD_MAX_BYTES)"
                )
            if not begun and (text := chunk.lstrip(_BLANKS)):
                begun = True
                if text.startswith(b"<"):
                    raise _web_page(response)
            out.write(chunk)
    if not begun:
        raise RemoteInvalidError(f"{shown(response.url)} answered with an empty file")


def _decoded(response: httpx.Response) -> Iterator[bytes]:
    """The body unpacked; a compressed one that ends too early is told, which the HTTP client takes for whole."""
    if response.headers.get("content-encoding", "").strip().lower() != "gzip":
        yield from response.iter_bytes()
        return
    unpacking = zlib.decompressobj(_GZIP)
    try:
        for chunk in response.iter_raw():
            left = chunk
            while left:
                yield unpacking.decompress(left)
                # One file may follow another, or zeros that fill up a block.
                left = unpacking.unused_data.lstrip(b"\0")
                unpacking = zlib.decompressobj(_GZIP) if left else unpacking
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error
    if not unpacking.eof:
        raise RemoteUnavailableError(f"{shown(response.url)} broke off in the middle of a file; try again later")


def _web_page(response: httpx.Response) -> RemoteInvalidError:
    return RemoteInvalidError(
        f"{shown(response.url)} answered with a web page instead of a feed: check the address, or whether the "
        "service is under maintenance",
        status=response.status_code,
    )


@contextmanager
def _naming_errors(url: httpx.URL, limits: DownloadLimits, deadline: Deadline) -> Iterator[None]:
    """Turn what goes wrong on the way into errors of ours."""
    name = shown(url)
    try:
        yield
    except httpx.TimeoutException as error:
        said = (
            f"was not downloaded within {limits.max_seconds:g} s (DATAPUMP_DOWNLOAD_TIMEOUT_S)"
            if deadline.passed()
            else "did not answer in time"
        )
        raise RemoteUnavailableError(f"{name} {said}: try again later") from error
    except httpx.DecodingError as error:
        raise RemoteInvalidError(f"{name} sends a body that its content encoding does not fit") from error
    except httpx.TransportError as error:
        raise RemoteUnavailableError(f"{name} broke off: {error or type(error).__name__}; try again later") from error


@contextmanager
def _storing(url: httpx.URL, into: Path) -> Iterator[Path]:
    """A folder beside the target for what is not complete yet; gone at the end, whatever happens."""
    try:
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=into) as folder:
            yield Path(folder)
    except OSError as error:
        raise StorageError(
            f"{shown(url)} could not be stored in {into}: {error.strerror or error}; free space and try again"
        ) from error


def _file_name(url: httpx.URL) -> str:
    """The last part of the URL's path, made safe."""
    last = unquote(url.path).rsplit("/", 1)[-1]
    return re.sub(r"[^A-Za-z0-9._-]", "_", last).lstrip(".")[-100:] or "feed"
