"""Who may change what and who may query, in the service's words. No token is ever answered 403."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from fastapi import Request  # noqa: TC002 - FastAPI reads it at run time

from datapump.embedded.data_api import assets, datasets
from datapump.embedded.data_api.errors import ApiError, BreakError
from datapump.names import DATASET_PATTERN

if TYPE_CHECKING:
    from datapump.embedded.data_api.service import Service
    from datapump.embedded.data_api.settings import Caller

_UNAUTHORIZED, _FORBIDDEN = 401, 403
_WRITERS = ("ADMIN", "MANAGER")


def service_of(request: Request) -> Service:
    """The service behind a request."""
    service: Service = request.app.state.service
    return service


def writer(request: Request) -> Caller:
    """Whoever may make datasets.

    Raises:
        ApiError: 401: there is no bearer token, nobody has it, or it is a plain user's.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise ApiError(_UNAUTHORIZED, "Not authenticated")
    # compared as digests, so that the time it takes tells nothing about a token
    known = {_digest(one): caller for one, caller in service_of(request).settings.tokens.items()}
    caller = known.get(_digest(token))
    if caller is None:
        raise ApiError(
            _UNAUTHORIZED, "Unauthorized access - this operation requires user authentication via a token"
        )  # fmt: skip
    if caller.role not in _WRITERS:
        raise ApiError(
            _UNAUTHORIZED,
            "Unauthorized write access to a dataset/version/asset by a user who is not an admin or data manager",
        )
    return caller


def dataset_writer(request: Request) -> Caller:
    """Whoever may change the dataset in the path: an admin, or the manager who made it.

    Raises:
        ApiError: 401, naming the owner if it is somebody else.
        BreakError: A manager's request for a dataset that does not exist.
    """
    caller = writer(request)
    dataset = str(request.path_params["dataset"])
    if caller.role != "ADMIN" and re.fullmatch(DATASET_PATTERN, dataset):
        _check_owner(service_of(request), caller, dataset)
    return caller


def asset_writer(request: Request) -> Caller:
    """Whoever may change the asset in the path.

    Raises:
        ApiError: 401, naming the owner if it is somebody else.
    """
    caller = writer(request)
    service = service_of(request)
    with service.read() as sql:
        asset = assets.find(sql, str(request.path_params["asset_id"]).lower())
    if caller.role != "ADMIN" and asset is not None:
        _check_owner(service, caller, asset.dataset)
    return caller


def reader(request: Request) -> None:
    """Whoever may query, where that takes an API key.

    Raises:
        ApiError: 403: there is no key, or nobody has it.
    """
    known = {_digest(one) for one in service_of(request).settings.query_keys}
    key = request.headers.get("x-api-key") or request.query_params.get("x-api-key") or ""
    if known and _digest(key) not in known:
        raise ApiError(_FORBIDDEN, "No valid API Key found.")


def _check_owner(service: Service, caller: Caller, name: str) -> None:
    with service.read() as sql:
        dataset = datasets.find(sql, name)
    if dataset is None:
        raise BreakError(f"a manager's request for dataset {name}, which does not exist")
    if dataset.owner != caller.user_id:
        owners = (one.email for one in service.settings.tokens.values() if one.user_id == dataset.owner)
        owner = next((email for email in owners if email), dataset.owner)
        raise ApiError(
            _UNAUTHORIZED,
            f"Unauthorized write access to dataset {name} (or its versions/assets) by a user who is not an admin"
            f" or owner of the dataset. Please contact the dataset owner ({owner}) to request permission to make"
            " any changes",
        )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
