import gzip
import itertools
import os
import socket

import pytest

from datapump.errors import (
    DataError,
    InvalidInputError,
    NotFoundError,
    RemoteInvalidError,
    RemoteRefusedError,
    RemoteUnavailableError,
    StorageError,
)
from datapump.sources.download import fetch
from datapump.sources.download_limits import DownloadLimits
from tests.support.disk import largest_file

HOSTS = frozenset({"127.0.0.1"})
LIMITS = DownloadLimits(max_bytes=100_000, max_seconds=20, connect_seconds=5, read_seconds=10)


@pytest.fixture
def into(tmp_path):
    return tmp_path / "into"


def failing(source, into, kind, said, *, limits=LIMITS, hosts=HOSTS, **more):
    """The error that fetching ends in; afterwards nothing is left in the folder."""
    with pytest.raises(kind, match=said) as raised:
        fetch(source, into, limits=limits, hosts=hosts, **more)
    assert not into.exists() or list(into.iterdir()) == []
    return raised.value


def ticking(step):
    """A clock that goes on by so many seconds each time it is asked."""
    return itertools.count(0, step).__next__


# Files


def test_a_path_is_used_in_place(tmp_path, into):
    feed = tmp_path / "feed 1%.zip"
    feed.write_bytes(b"PK")
    assert fetch(str(feed), into, limits=LIMITS, hosts=frozenset()) == feed
    assert fetch(feed.as_uri(), into, limits=LIMITS, hosts=frozenset()) == feed
    assert fetch(f"file://localhost{feed.parent}/feed%201%25.zip", into, limits=LIMITS, hosts=frozenset()) == feed
    assert not into.exists()


def test_a_file_that_is_not_there_is_named(into):
    failing("/nowhere/feed.zip", into, NotFoundError, "'/nowhere/feed.zip' does not exist")


def test_what_is_no_regular_file_is_refused(tmp_path, into):
    os.mkfifo(tmp_path / "pipe")
    failing(str(tmp_path), into, InvalidInputError, "is not a regular file")
    failing(str(tmp_path / "pipe"), into, InvalidInputError, "is not a regular file")
    failing("/dev/zero", into, InvalidInputError, "is not a regular file")
    failing("a\0b", into, InvalidInputError, "is not a file's path")


def test_a_file_beyond_the_limit_is_refused(tmp_path, into):
    feed = tmp_path / "feed.zip"
    feed.write_bytes(bytes(100_001))
    failing(str(feed), into, DataError, "100001 bytes long: at most 100000")


@pytest.mark.parametrize("source", ["ftp://127.0.0.1/a", "s3://bucket/a", "gopher://127.0.0.1/a"])
def test_other_schemes_are_refused(into, source):
    failing(source, into, InvalidInputError, "give an https URL or a file's path")


def test_a_file_of_another_machine_is_refused(into):
    failing("file://elsewhere/feed.zip", into, InvalidInputError, "files of this machine")


# Over HTTP


def test_a_body_is_written_to_the_folder_under_its_name(server, into):
    url = server.answer("/a/Global_7d.zip", b"PK" + bytes(50_000))
    path = fetch(url, into, limits=LIMITS, hosts=HOSTS)
    assert path == into / "Global_7d.zip"
    assert path.read_bytes() == b"PK" + bytes(50_000)
    assert list(into.iterdir()) == [path]


@pytest.mark.parametrize(
    ("path", "name"), [("/", "feed"), ("/..", "feed"), ("/a%2F..%2F..%2Fb%20c.csv", "b_c.csv"), ("/.hidden", "hidden")]
)
def test_the_name_of_the_file_is_made_safe(server, into, path, name):
    server.answer("/", b"body")
    url = server.answer(path, b"body")
    assert fetch(url, into, limits=LIMITS, hosts=HOSTS) == into / name


def test_a_body_without_a_length_is_taken(server, into):
    url = server.answer("/feed", b"body", Content_Length=None)
    assert fetch(url, into, limits=LIMITS, hosts=HOSTS).read_bytes() == b"body"


def test_a_compressed_body_is_unpacked(server, into):
    url = server.answer("/feed.csv", gzip.compress(b"latitude"), Content_Encoding="gzip", Content_Length=None)
    assert fetch(url, into, limits=LIMITS, hosts=HOSTS).read_bytes() == b"latitude"


@pytest.mark.parametrize("missing", [1, 8, 100])
def test_a_compressed_body_that_ends_too_early_is_no_feed(server, into, missing):
    body = gzip.compress(bytes(range(256)) * 100)[:-missing]
    url = server.answer("/feed.csv", body, Content_Encoding="gzip", Content_Length=None)
    failing(url, into, RemoteUnavailableError, "broke off in the middle of a file")


def test_a_compressed_body_of_several_files_and_zeros_is_unpacked_whole(server, into):
    body = gzip.compress(b"lati") + gzip.compress(b"tude") + bytes(512)
    url = server.answer("/feed.csv", body, Content_Encoding="gzip", Content_Length=None)
    assert fetch(url, into, limits=LIMITS, hosts=HOSTS).read_bytes() == b"latitude"


def test_the_announced_length_is_checked_before_anything_is_read(server, into):
    url = server.silent("/feed", b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n")
    failing(url, into, RemoteInvalidError, "announces 100001 bytes: at most 100000")


def test_an_endless_body_is_broken_off_at_the_limit(server, into):
    url = server.endless("/feed", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", bytes(65_536))
    failing(url, into, RemoteInvalidError, "more than the 100000 bytes")


def test_decoded_bytes_are_what_counts(server, into):
    body = gzip.compress(bytes(200_000))
    url = server.answer("/feed", body, Content_Encoding="gzip")
    assert len(body) < 1_000
    failing(url, into, RemoteInvalidError, "more than the 100000 bytes")


@pytest.mark.parametrize("coding", ["gzip, gzip", "br", "zstd"])
def test_encodings_that_were_not_asked_for_are_refused(server, into, coding):
    url = server.answer("/feed", b"body", Content_Encoding=coding)
    failing(url, into, RemoteInvalidError, "encoding that was not asked for")


def test_a_body_that_is_not_in_its_encoding_is_refused(server, into):
    url = server.answer("/feed", b"body", Content_Encoding="gzip")
    failing(url, into, RemoteInvalidError, "encoding does not fit")


def test_a_slow_body_ends_with_the_time_for_all_of_it(server, into):
    url = server.endless("/feed", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"1")
    error = failing(
        url,
        into,
        RemoteUnavailableError,
        "not downloaded within 600 s",
        limits=DownloadLimits(max_seconds=600),
        monotonic=ticking(50),
    )
    assert error.retryable


def test_slow_headers_end_with_the_time_for_all_of_it(server, into):
    url = server.endless("/feed", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"1")
    limits = DownloadLimits(max_seconds=600)
    failing(url, into, RemoteUnavailableError, "not downloaded within 600 s", limits=limits, monotonic=ticking(150))


def test_slow_redirects_end_with_the_time_for_all_of_it(server, into):
    url = server.answer("/feed", status=302, Location="/feed")
    limits = DownloadLimits(max_seconds=600, redirects=1_000_000)
    failing(url, into, RemoteUnavailableError, "not downloaded within 600 s", limits=limits, monotonic=ticking(10))


def test_a_silent_server_is_not_waited_for(server, into):
    limits = DownloadLimits(read_seconds=0.1)
    for head in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"):
        url = server.silent("/feed", head)
        failing(url, into, RemoteUnavailableError, "did not answer in time", limits=limits)


def test_a_server_that_is_down_is_an_outage(into):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        failing(f"http://127.0.0.1:{port}/feed", into, RemoteUnavailableError, "broke off: .*refused")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
        b"not HTTP at all\r\n\r\n",
    ],
)
def test_an_answer_that_breaks_off_is_an_outage(server, into, answer):
    server.pages["/feed"] = lambda handler: handler.wfile.write(answer)
    failing(f"{server.url}/feed", into, RemoteUnavailableError, "broke off")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 599])
def test_answers_that_mean_later_are_an_outage(server, into, status):
    url = server.answer("/feed", b"<html>maintenance</html>", status=status)
    error = failing(url, into, RemoteUnavailableError, f"/feed answered {status}: try again later")
    assert error.status == status


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_no_is_a_refusal(server, into, status):
    url = server.answer("/feed", b"no", status=status)
    error = failing(url, into, RemoteRefusedError, f"/feed answered {status}: check the feed's address")
    assert (error.status, error.retryable) == (status, False)


@pytest.mark.parametrize("status", [201, 204, 206, 304])
def test_other_answers_are_no_file(server, into, status):
    url = server.answer("/feed", b"", status=status, Content_Length=None)
    failing(url, into, RemoteInvalidError, f"answered {status} where a file was expected")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"PK", "text/html; charset=utf-8"),
        (b"PK", "Application/XHTML+xml"),
        (b"<!doctype html>", "application/zip"),
        (b"\xef\xbb\xbf\n <html>", "application/zip"),
        (b"<Error>AccessDenied</Error>", "application/octet-stream"),
    ],
)
def test_a_web_page_is_no_feed(server, into, body, kind):
    url = server.answer("/feed.zip", body, Content_Type=kind)
    failing(url, into, RemoteInvalidError, "answered with a web page instead of a feed")


@pytest.mark.parametrize("body", [b"", b" \n "])
def test_an_empty_body_is_no_feed(server, into, body):
    failing(server.answer("/feed", body), into, RemoteInvalidError, "answered with an empty file")


@pytest.mark.parametrize("status", [500, 404])
def test_no_message_shows_a_secret(server, into, status):
    key = "0123456789abcdef" * 2
    server.answer(f"/api/{key}/feed", b"no", status=status)
    url = f"{server.url}/api/{key}/feed?key=hush".replace("//", "//user:hush@")
    error = failing(url, into, (RemoteUnavailableError, RemoteRefusedError), f"{server.url}/api/.../feed answered")
    assert "hush" not in error.message
    assert "user" not in error.message
    assert key not in error.message


def test_hosts_that_are_not_listed_are_not_asked(server, into):
    url = server.answer("/feed", b"body")
    failing(url, into, InvalidInputError, "not among the hosts", hosts=frozenset({"localhost"}))
    failing("https://user:hush@example.org/feed?hush", into, InvalidInputError, r"^https://example.org/feed is not")
    assert server.requests == []


@pytest.mark.parametrize("source", ["http://example.org/feed", "http://10.0.0.1/feed"])
def test_http_to_another_machine_is_refused(into, source):
    hosts = frozenset({"example.org", "10.0.0.1"})
    failing(source, into, InvalidInputError, "is not fetched over http", hosts=hosts)


@pytest.mark.parametrize("source", ["https://", "https://[::1", "http://127.0.0.1:port/", "https:///feed"])
def test_what_is_no_url_is_refused(into, source):
    failing(source, into, InvalidInputError, "URL (cannot be read|names no host)")


def test_redirects_on_listed_hosts_are_followed(server, into):
    for hop in range(5):
        server.answer(f"/{hop}", status=302, Location=f"{server.url}/{hop + 1}" if hop % 2 else f"/{hop + 1}")
    server.answer("/5", b"body")
    path = fetch(f"{server.url}/0", into, limits=LIMITS, hosts=HOSTS)
    assert path == into / "0"
    assert path.read_bytes() == b"body"


def test_more_redirects_than_allowed_are_not_followed(server, into):
    url = server.answer("/feed", status=301, Location="/feed")
    failing(url, into, RemoteInvalidError, "redirected more than 5 times")
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    "target",
    [
        "http://localhost:{port}/feed",
        "https://example.org/feed?hush",
        "http://169.254.169.254/latest/meta-data",
        "https://127.0.0.1.example.org/",
        "https://127.0.0.1@example.org/",
        "ftp://127.0.0.1/feed",
        "file:///etc/passwd",
    ],
)
def test_a_redirect_elsewhere_is_not_followed(server, into, target):
    url = server.answer("/moved", status=302, Location=target.format(port=server.http.server_port))
    server.answer("/feed", b"body")
    error = failing(url, into, RemoteInvalidError, "which is not followed")
    assert "hush" not in error.message
    assert len(server.requests) == 1


def test_a_redirect_to_what_is_no_url_is_refused(server, into):
    url = server.answer("/feed", status=302, Location="http://[::1/")
    failing(url, into, RemoteUnavailableError, "broke off: Invalid URL in location header")


def test_user_and_password_are_not_taken_along_by_a_redirect(server, into):
    server.answer("/one", status=302, Location=server.url.replace("//", "//eve:1@") + "/two")
    server.answer("/two", b"body")
    fetch(f"{server.url}/one".replace("//", "//user:hush@"), into, limits=LIMITS, hosts=HOSTS)
    assert ["Authorization" in headers for _, headers in server.requests] == [True, False]


def test_a_full_disk_is_an_error_of_the_store_and_leaves_nothing(server, into):
    url = server.answer("/feed", b"1" * 90_000)
    with largest_file(50_000):
        error = failing(url, into, StorageError, "could not be stored in .*File too large")
    assert error.retryable


def test_a_folder_that_cannot_be_made_is_an_error_of_the_store(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="could not be stored"):
        fetch(server.answer("/feed", b"body"), tmp_path / "file" / "into", limits=LIMITS, hosts=HOSTS)
