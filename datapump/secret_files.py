"""Secrets that an embedded deployment makes for itself, each in a file that only its owner can read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from datapump.errors import NotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Secret = Literal["admin-key", "areas-api-token", "cursor-key", "data-api-token"]


def secret_file(folder: Path, name: Secret) -> Path:
    """Where a data folder keeps a secret; the owner's own key is `admin-key`."""
    return folder / "secrets" / name


def read_or_make(path: Path, make: Callable[[], str]) -> str:
    """The secret in the file, which is made with a new secret if it is not there.

    The file appears whole or not at all, with mode 0600. One that is empty counts as none.

    Raises:
        StorageError: The file cannot be read or written.
    """
    try:
        secret = path.read_text().strip() if path.exists() else ""
        if not secret:
            secret = make()
            replace(path, secret)
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"the secret {path} cannot be used: {error}") from error
    return secret


def replace(path: Path, secret: str) -> None:
    """Write a secret to the file, in the place of what was there; the file appears whole or not at all, mode 0600."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def read(path: Path) -> str:
    """The secret in the file.

    Raises:
        NotFoundError: There is no such file.
        StorageError: It cannot be read.
    """
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        raise NotFoundError(f"there is no key at {path}: start the server once, or set DATAPUMP_API_KEY") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"the key {path} cannot be read: {error}; set DATAPUMP_API_KEY, or ask its owner") from error
