"""A limit on a whole HTTP exchange: httpx by itself only limits each wait, so a trickle could go on for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpcore
import httpx

from datapump.tls import trusted

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable


class Deadline:
    """A moment after which nothing is waited for.

    Args:
        seconds: How far off it is.
        monotonic: Seconds of a clock that is never set back.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._end = monotonic() + seconds

    def passed(self) -> bool:
        """Whether the moment is past."""
        return self._monotonic() >= self._end

    def within(self, timeout: float | None) -> float:
        """As many seconds of waiting as are left, at most `timeout`.

        Raises:
            ReadTimeout: None are left.
        """
        left = self._end - self._monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time for the whole exchange is over")
        return left if timeout is None else min(timeout, left)


class DeadlineTransport(httpx.HTTPTransport):
    """HTTP over connections that wait for nothing beyond a deadline."""

    def __init__(self, deadline: Deadline) -> None:
        context = trusted(environment=False)
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore.ConnectionPool(ssl_context=context, network_backend=_Backend(deadline))


class _Backend(httpcore.NetworkBackend):
    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection, opened before the deadline and bound to it."""
        stream = self._sockets.connect_tcp(host, port, self._deadline.within(timeout), local_address, socket_options)
        return _Stream(stream, self._deadline)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Some bytes, before the deadline."""
        return self._stream.read(max_bytes, self._deadline.within(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send the bytes, before the deadline."""
        self._stream.write(buffer, self._deadline.within(timeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same connection, encrypted, still bound to the deadline."""
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.within(timeout))
        return _Stream(stream, self._deadline)

    def get_extra_info(self, info: str) -> object:
        """What the connection tells of itself."""
        return self._stream.get_extra_info(info)
