"""How much a download may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DownloadLimits:
    """How much a download may take.

    Attributes:
        max_bytes: Bytes of the body, after any content encoding is undone; also of a file used in place.
        max_seconds: Seconds from the first connection to the last byte, redirects included.
        connect_seconds: Seconds for each connection.
        read_seconds: Seconds without a byte.
        redirects: Redirects in a row.
    """

    max_bytes: int = 512 * 2**20
    max_seconds: float = 600.0
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    redirects: int = 5
