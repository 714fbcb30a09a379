"""Callers' keys: random secrets of which only a hash is kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel


class Scope(StrEnum):
    """What a key allows; each scope includes the ones before it."""

    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"


INCLUDES = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.OPERATE: frozenset({Scope.READ, Scope.OPERATE}),
    Scope.ADMIN: frozenset(Scope),
}


ID_DIGITS = 12
PREFIX = "dp_"


class ApiKey(BaseModel):
    """A caller's key.

    Attributes:
        digest: SHA-256 of the secret, hexadecimal. The secret has 256 random bits, so no salt is needed.
    """

    digest: str
    caller: str
    scope: Scope
    created: datetime
    revoked: datetime | None = None

    @property
    def id(self) -> str:
        """Names the key to people; it is of no use as a secret."""
        return self.digest[:ID_DIGITS]

    def allows(self, scope: Scope) -> bool:
        """Whether the key may do what asks for that scope."""
        return scope in INCLUDES[self.scope]


def new_secret() -> str:
    """A new secret, `dp_` and 43 characters."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
