"""The data folder of an embedded deployment: one server works in it, and it keeps what only its owner may know."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from datapump.errors import ConflictError, StorageError
from datapump.keys import ApiKey, Scope, digest, new_secret
from datapump.secret_files import read_or_make, replace, secret_file

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from datapump.clock import Clock
    from datapump.secret_files import Secret
    from datapump.settings import Settings
    from datapump.stores import KeyStore


def lock_folder(folder: Path) -> IO[str]:
    """The data folder's lock, held as long as the process lives.

    Raises:
        ConflictError: Another server runs on it.
        StorageError: It cannot be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise StorageError(f"the data folder {folder} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise ConflictError(f"another datapump server runs on the data folder {folder}: stop it first") from error
    for part in folder.iterdir():
        if part.is_dir() and not os.access(part, os.R_OK | os.W_OK | os.X_OK):
            lock.close()
            raise StorageError(
                f"the data folder {folder} cannot be used: {part} is not this user's to write; give it to the user "
                "that runs the server, or start the server as its owner"
            )
    return lock


def own_secret(settings: Settings, name: Secret) -> str:
    """A secret that the deployment has made for itself, or makes now.

    Raises:
        StorageError: Its file cannot be read or written.
    """
    return read_or_make(secret_file(settings.data_dir, name), new_secret)


def ensure_owner(settings: Settings, keys: KeyStore, clock: Clock) -> None:
    """Let the key in the owner's file be one that opens everything."""
    path = secret_file(settings.data_dir, "admin-key")
    secret = read_or_make(path, new_secret)
    known = {key.digest: key for key in keys.list()}.get(digest(secret))
    if known is not None and known.revoked is not None:
        # A revoked key stays revoked, also where its secret still lies in the file.
        secret, known = new_secret(), None
        replace(path, secret)
    if known is None:
        keys.add(ApiKey(digest=digest(secret), caller="owner", scope=Scope.ADMIN, created=clock.now()))
