"""Making, rotating and revoking callers' keys. A secret is told once, when it is made; only its hash is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from datapump.errors import ConflictError, InvalidInputError, NotFoundError
from datapump.keys import ApiKey, Scope, digest, new_secret

if TYPE_CHECKING:
    from datapump.clock import Clock
    from datapump.stores import KeyStore

CALLER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}")


class NewKey(NamedTuple):
    """A key and its secret, which nobody can tell again."""

    secret: str
    key: ApiKey


class KeyRing:
    """The callers' keys of one deployment."""

    def __init__(self, store: KeyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def make(self, caller: str, scope: Scope) -> NewKey:
        """A new key; a caller may have several.

        Raises:
            InvalidInputError: The caller's name holds what does not belong into a log.
        """
        if not CALLER.fullmatch(caller):
            raise InvalidInputError(
                f"{caller!r} is not a caller: 1 to 63 letters, digits, dots, hyphens, underscores or @, no sign first"
            )
        secret = new_secret()
        key = ApiKey(digest=digest(secret), caller=caller, scope=scope, created=self._clock.now())
        self._store.add(key)
        return NewKey(secret, key)

    def keys(self) -> list[ApiKey]:
        """Every key that was ever made, oldest first."""
        return sorted(self._store.list(), key=lambda key: (key.created, key.digest))

    def rotate(self, key_id: str) -> NewKey:
        """A new key of the same caller and scope in the place of one, which is revoked.

        Raises:
            NotFoundError: There is no such key.
            ConflictError: It is revoked already.
        """
        old = self._valid(key_id)
        new = self.make(old.caller, old.scope)
        self.revoke(key_id)
        return new

    def revoke(self, key_id: str) -> ApiKey:
        """Let a key open nothing any more, from the next request on.

        Raises:
            NotFoundError: There is no such key.
            ConflictError: It is revoked already.
        """
        revoked = self._valid(key_id).model_copy(update={"revoked": self._clock.now()})
        self._store.add(revoked)
        return revoked

    def _valid(self, key_id: str) -> ApiKey:
        found = [key for key in self._store.list() if key.id == key_id]
        if not found:
            raise NotFoundError(f"there is no key {key_id!r}: datapump keys list shows the ids")
        if found[0].revoked is not None:
            raise ConflictError(f"key {key_id} of {found[0].caller} was revoked at {found[0].revoked:%Y-%m-%d %H:%M}")
        return found[0]
