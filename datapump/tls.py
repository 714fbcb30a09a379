"""The certificates that clients trust."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    import ssl


@cache
def trusted(*, environment: bool = True) -> ssl.SSLContext:
    """What every client verifies servers by: read once a process, as that takes longer than a dozen requests.

    Args:
        environment: Whether `SSL_CERT_FILE` and `SSL_CERT_DIR` may name other certificates, as httpx has it.
    """
    return httpx.create_ssl_context(trust_env=environment)
