import ssl

import pytest

from datapump.clients.data_api import DataApi
from datapump.tls import trusted


@pytest.mark.parametrize("environment", [True, False])
def test_servers_are_verified_by_certificates_that_are_read_once(environment):
    context = trusted(environment=environment)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context is trusted(environment=environment)
    assert context is not trusted(environment=not environment)


def test_a_further_client_reads_no_certificates(monkeypatch):
    DataApi("https://localhost", None, 1).close()
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", None)
    DataApi("https://localhost", None, 1).close()
