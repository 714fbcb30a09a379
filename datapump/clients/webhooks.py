"""Notifications over webhooks: a Slack channel, and receivers that are told of new versions.

A webhook's address is its secret: whoever knows it can write there. So it is in no message, log or document.
"""

from __future__ import annotations

import time
from contextlib import closing
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Self

import httpx

from datapump.errors import (
    InvalidInputError,
    RemoteBusyError,
    RemoteError,
    RemoteRefusedError,
    RemoteUnavailableError,
)
from datapump.notifier import Level
from datapump.sources.http_deadline import Deadline, DeadlineTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import SecretStr

    from datapump.notifier import Message
    from datapump.settings import Settings

CHANNELS: Final = {"production": "data-updates", "staging": "data-updates-staging"}
MARKS: Final = {Level.INFO: ":white_check_mark:", Level.WARNING: ":warning:", Level.ERROR: ":red_circle:"}
LONGEST_TEXT: Final = 3000
GNW: Final = "gnw"


class Webhooks:
    """Posts notifications as JSON.

    Args:
        channel: Address of the Slack channel's webhook; None: the deployment has none.
        receivers: Addresses of those that are told of new versions, by receiver and dataset.
        hosts: Hosts that may be written to.
        timeout_s: Time limit of one whole exchange.
        monotonic: Seconds of a clock that is never set back.
    """

    def __init__(
        self,
        channel: SecretStr | None,
        receivers: Mapping[str, Mapping[str, SecretStr]],
        *,
        hosts: frozenset[str],
        timeout_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channel = channel
        self._receivers = receivers
        self._hosts = hosts
        self._timeout_s = timeout_s
        self._monotonic = monotonic

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The webhooks that a deployment's settings name: each environment has its own channel, or none."""
        name = settings.slack_channel or CHANNELS.get(settings.environment)
        channel = None if name is None else settings.slack_webhooks.get(name)
        receivers = {GNW: settings.gnw_webhooks}
        return cls(channel, receivers, hosts=settings.webhook_hosts, timeout_s=settings.webhook_timeout_s)

    def post(self, message: Message) -> bool:
        """Post a message on the Slack channel."""
        if self._channel is None:
            return False
        text = _escaped(message.text[:LONGEST_TEXT])
        self._send("Slack", self._channel, {"text": f"{MARKS[message.level]} {text}\n<{message.link}>"})
        return True

    def announce(self, receiver: str, dataset: str, version: str) -> bool:
        """Tell a receiver of a version that is latest."""
        address = self._receivers.get(receiver, {}).get(dataset)
        if address is None:
            return False
        self._send(receiver, address, {"dataset": dataset, "version": version, "is_latest": True})
        return True

    def _send(self, name: str, address: SecretStr, body: dict[str, object]) -> None:
        url = _parse(name, address.get_secret_value())
        if url.host not in self._hosts:
            raise InvalidInputError(
                f"the webhook of {name} is not written to: its host is not among DATAPUMP_WEBHOOK_HOSTS; add it there"
            )
        # The transport by itself: a client would log the address, and follow nothing anyway.
        request = httpx.Request("POST", url, json=body, headers={"User-Agent": "datapump"})
        request.extensions["timeout"] = httpx.Timeout(self._timeout_s).as_dict()
        transport = DeadlineTransport(Deadline(self._timeout_s, self._monotonic))
        try:
            with closing(transport), closing(transport.handle_request(request)) as response:
                status = response.status_code
        except httpx.TimeoutException:
            raise RemoteUnavailableError(f"{name} did not answer within {self._timeout_s:g} s") from None
        except httpx.HTTPError as error:
            raise RemoteUnavailableError(f"{name} could not be reached: {type(error).__name__}") from None
        if not httpx.codes.is_success(status):
            raise _refusal(name, status)


def _parse(name: str, address: str) -> httpx.URL:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        raise InvalidInputError(f"the webhook of {name} cannot be read: give it as https://host/path") from None
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.host)):
        raise InvalidInputError(f"the webhook of {name} is no https address: give it as https://host/path")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _refusal(name: str, status: int) -> RemoteError:
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return RemoteBusyError(f"{name} takes no more messages now ({status})", status=status)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return RemoteUnavailableError(f"{name} answered {status}", status=status)
    if httpx.codes.is_redirect(status):
        return RemoteRefusedError(f"{name} answered {status}: a webhook is not followed elsewhere", status=status)
    return RemoteRefusedError(f"{name} answered {status}: is the webhook still valid?", status=status)


def _escaped(text: str) -> str:
    """Text as Slack takes it literally."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
