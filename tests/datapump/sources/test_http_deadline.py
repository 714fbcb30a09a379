import ssl
import subprocess

import httpcore
import pytest

from datapump.errors import RemoteUnavailableError
from datapump.sources.download import fetch
from datapump.sources.download_limits import DownloadLimits
from datapump.sources.http_deadline import Deadline
from tests.support.programs import need

LIMITS = DownloadLimits(max_bytes=1000, max_seconds=20, connect_seconds=5, read_seconds=10)
HOSTS = frozenset({"localhost"})


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate of `localhost` that nobody has signed, with its key, as one PEM file."""
    need("openssl", "openssl")
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 -subj /CN=localhost"
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=DNS:localhost", "-keyout", path, "-out", f"{path}.crt"],
        check=True,
        capture_output=True,
    )
    with path.open("a") as pem:
        pem.write(path.with_suffix(".pem.crt").read_text())
    return path


@pytest.fixture
def secure(server, certificate):
    """The web server, now speaking TLS; the address of its feed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.http.socket = context.wrap_socket(server.http.socket, server_side=True, do_handshake_on_connect=False)
    return server.answer("/feed", b"body").replace("http://127.0.0.1", "https://localhost")


@pytest.fixture
def trusted(monkeypatch, certificate):
    """Trust the certificate of the web server."""
    context = ssl.create_default_context(cafile=certificate)
    monkeypatch.setattr("datapump.sources.http_deadline.trusted", lambda **_: context)


def test_a_feed_is_fetched_over_tls(secure, trusted, tmp_path):
    assert fetch(secure, tmp_path, limits=LIMITS, hosts=HOSTS).read_bytes() == b"body"


def test_a_server_that_nobody_vouches_for_is_not_trusted(secure, tmp_path):
    with pytest.raises(RemoteUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch(secure, tmp_path, limits=LIMITS, hosts=HOSTS)


def test_a_deadline_leaves_less_and_less_time():
    times = iter([100, 101, 109, 110, 110])
    deadline = Deadline(10, times.__next__)
    assert deadline.within(60) == 9
    assert deadline.within(0.5) == 0.5
    assert deadline.passed()
    with pytest.raises(httpcore.ReadTimeout):
        deadline.within(60)


def test_without_a_timeout_all_that_is_left_is_waited_for():
    assert Deadline(10, iter([0, 4]).__next__).within(None) == 6
