"""Secrets of the production deployment, read from Secrets Manager and used for a while."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import SecretStr

from datapump.aws import calling
from datapump.errors import RemoteInvalidError

if TYPE_CHECKING:
    from datetime import datetime

    from datapump.aws import Aws
    from datapump.clock import Clock


class Secrets:
    """Reads each secret when it is first needed, and again when it has been used for long enough.

    Args:
        aws: The account.
        clock: Tells how long a secret has been used.
        cache_s: How long a secret may be used, seconds.
    """

    def __init__(self, aws: Aws, clock: Clock, cache_s: float) -> None:
        self._aws = aws
        self._clock = clock
        self._cache_s = cache_s
        self._known: dict[str, tuple[SecretStr, datetime]] = {}

    def get(self, name: str, key: str | None = None) -> SecretStr:
        """A secret's text, or the text under a key where it is a JSON object.

        Raises:
            RemoteUnavailableError: Secrets Manager did not answer.
            RemoteRefusedError: There is no such secret, or it may not be read.
            RemoteInvalidError: It has no text under that key.
        """
        now = self._clock.now()
        known = self._known.get(name)
        if known is None or (now - known[1]).total_seconds() >= self._cache_s:
            with calling(f"the secret {name} could not be read"):
                known = SecretStr(self._aws.secrets().get_secret_value(SecretId=name)["SecretString"]), now
            self._known[name] = known
        return known[0] if key is None else _under(known[0], key, name)


def _under(secret: SecretStr, key: str, name: str) -> SecretStr:
    text = secret.get_secret_value()
    if not text.lstrip().startswith("{"):
        return secret
    try:
        value = json.loads(text).get(key)
    except json.JSONDecodeError:
        value = None
    if not isinstance(value, str) or not value:
        raise RemoteInvalidError(f"the secret {name} has no text under {key!r}")
    return SecretStr(value)
