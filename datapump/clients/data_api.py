"""The GFW Data API's client: datasets, versions, assets. Every request is made once; ticks try again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from datapump.errors import (
    RemoteBusyError,
    RemoteError,
    RemoteInvalidError,
    RemoteRefusedError,
    RemoteUnavailableError,
    UnsupportedError,
)
from datapump.names import numbers
from datapump.tls import trusted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

JSON = dict[str, Any]
TABLE_ASSETS = frozenset({"Database table", "Geo database table"})
GRID_ASSET = "1x1 grid"


class DataApi:
    """The Data API at one address.

    Args:
        url: Base URL, without a slash at its end.
        token: Bearer token for what writes.
        timeout_s: Time limit of one request, seconds.
        api_key: Sent as x-api-key: the GFW Data API lets nobody query without one.
    """

    def __init__(
        self, url: str, token: SecretStr | None, timeout_s: float, *, api_key: SecretStr | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._token = token
        headers = {} if api_key is None else {"x-api-key": api_key.get_secret_value()}
        self._client = httpx.Client(verify=trusted(), timeout=timeout_s, follow_redirects=False, headers=headers)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def datasets(self) -> list[JSON]:
        """All datasets, sorted by name."""
        return self._list("/datasets", "dataset")

    def dataset(self, dataset: str) -> JSON | None:
        """One dataset, None if there is none of that name."""
        return self._find(f"/dataset/{dataset}")

    def version(self, dataset: str, version: str) -> JSON | None:
        """One version, None if there is none of that name."""
        return self._find(f"/dataset/{dataset}/{version}", "status", "is_latest")

    def latest(self, dataset: str) -> str | None:
        """The name of the version that is marked latest, None if none is.

        The service remembers what it looked up for 15 seconds: what became latest a moment ago is found by its mark.
        """
        response = self._send("GET", f"/dataset/{dataset}/latest", allowed={404, 307})
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        location = str(response.headers.get("location", "")).rstrip("/")
        if "/" not in location:
            raise RemoteInvalidError(f"the Data API redirected {_where(response)} nowhere")
        remembered = location.rsplit("/", 1)[-1]
        known = self.version(dataset, remembered)
        return remembered if known is not None and known["is_latest"] else self._marked(dataset)

    def _marked(self, dataset: str) -> str | None:
        """The version that has the mark of the latest, looked for from the newest name on."""
        names = (self.dataset(dataset) or {}).get("versions") or []
        for name in sorted(map(str, names), key=numbers, reverse=True):
            known = self.version(dataset, name)
            if known is not None and known["is_latest"]:
                return name
        return None

    def assets(self, dataset: str, version: str) -> list[JSON]:
        """A version's assets, oldest first; empty for a moment after the version was made."""
        return self._list(f"/dataset/{dataset}/{version}/assets", "asset_id", "asset_type", "status", "updated_on")

    def table_asset(self, dataset: str, version: str) -> JSON | None:
        """The default asset of a version that is a table, None while there is none."""
        tables = [asset for asset in self.assets(dataset, version) if asset["asset_type"] in TABLE_ASSETS]
        return tables[0] if tables else None

    def sources(self, dataset: str, version: str) -> list[str] | None:
        """The files that a table version was made from and appended; None while it has no asset."""
        asset = self.table_asset(dataset, version)
        if asset is None:
            return None
        return list(self.creation_options(asset["asset_id"]).get("source_uri") or [])

    def creation_options(self, asset_id: str) -> JSON:
        """What an asset was made with, whole."""
        return self._data(self._send("GET", f"/asset/{asset_id}/creation_options"))

    def reason(self, asset: JSON | None) -> str:
        """The last thing that an asset's change log says of a failure; words for "nothing" if it says none."""
        if asset is None:
            return "it gives no reason"
        try:
            entries = self._list(f"/asset/{asset['asset_id']}/change_log")
        except RemoteError as error:
            return f"its change log cannot be read ({error.message})"
        messages = [str(entry.get("message")) for entry in entries if entry.get("status") == "failed"]
        return messages[-1][:500] if messages else "its change log gives no reason"

    def create_dataset(self, dataset: str, metadata: JSON) -> None:
        """Make a dataset."""
        self._send("PUT", f"/dataset/{dataset}", body={"metadata": metadata})

    def create_version(self, dataset: str, version: str, creation_options: JSON, metadata: JSON | None = None) -> None:
        """Start to make a version; it is `pending` until its rows are loaded."""
        body = {"creation_options": creation_options, **({"metadata": metadata} if metadata else {})}
        self._send("PUT", f"/dataset/{dataset}/{version}", body=body)

    def create_asset(self, dataset: str, version: str, asset_type: str, creation_options: JSON) -> None:
        """Start to make a further asset of a saved version; it is `pending` until it is made."""
        body = {"asset_type": asset_type, "creation_options": creation_options}
        self._send("POST", f"/dataset/{dataset}/{version}/assets", body=body)

    def append(self, dataset: str, version: str, uris: list[str]) -> None:
        """Start to add rows to a version; its default asset is `pending` until they are loaded."""
        self._send("POST", f"/dataset/{dataset}/{version}/append", body={"source_uri": uris})

    def update_version(self, dataset: str, version: str, change: JSON) -> None:
        """Change `is_latest` or metadata."""
        self._send("PATCH", f"/dataset/{dataset}/{version}", body=change)

    def delete_version(self, dataset: str, version: str) -> None:
        """Remove a version with its rows."""
        self._send("DELETE", f"/dataset/{dataset}/{version}")

    def delete_asset(self, asset_id: str) -> None:
        """Remove an asset that is not what its version was made with."""
        self._send("DELETE", f"/asset/{asset_id}")

    def query(self, dataset: str, version: str, sql: str) -> list[JSON]:
        """The rows that one SELECT finds in a version's table.

        Raises:
            UnsupportedError: The Data API answers only whoever has an API key, and this deployment has no good one.
        """
        response = self._send("GET", f"/dataset/{dataset}/{version}/query/json", query={"sql": sql}, allowed={403})
        if response.status_code == httpx.codes.FORBIDDEN:
            raise UnsupportedError(
                "the Data API lets nobody query its tables without an API key, and this deployment has none that it "
                "takes: give it one (docs/deploy.md), or ask the Data API itself"
            )
        return self._rows(response)

    def _find(self, path: str, *needed: str) -> JSON | None:
        response = self._send("GET", path, allowed={404})
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        found = self._data(response)
        _check(response, found, needed)
        return found

    def _list(self, path: str, *needed: str) -> list[JSON]:
        response = self._send("GET", path)
        found = self._rows(response)
        for item in found:
            _check(response, item, needed)
        return found

    def _rows(self, response: httpx.Response) -> list[JSON]:
        data = self._envelope(response)
        if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
            raise RemoteInvalidError(f"the Data API answered {_where(response)} with something that is no list")
        return data

    def _data(self, response: httpx.Response) -> JSON:
        data = self._envelope(response)
        if not isinstance(data, dict):
            raise RemoteInvalidError(f"the Data API answered {_where(response)} with something that is no object")
        return data

    def _envelope(self, response: httpx.Response) -> object:
        try:
            return response.json()["data"]
        except (ValueError, KeyError, TypeError) as error:
            raise RemoteInvalidError(
                f"the Data API answered {_where(response)} with something else than its JSON envelope: "
                "is the address right, is a proxy in between?"
            ) from error

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: JSON | None = None,
        query: Mapping[str, str] | None = None,
        allowed: set[int] | frozenset[int] = frozenset(),
    ) -> httpx.Response:
        response = self.exchange(method, path, body=body, query=query)
        if response.is_success or response.status_code in allowed:
            return response
        raise _error(response)

    def exchange(
        self, method: str, path: str, *, body: JSON | None = None, query: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Make one request; the answer, whatever it says.

        Raises:
            RemoteUnavailableError: There was no answer.
        """
        headers = {}
        if method != "GET" and self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        try:
            return self._client.request(method, self.url + path, json=body, params=query, headers=headers)
        except httpx.HTTPError as error:
            raise RemoteUnavailableError(
                f"the Data API did not answer {method} {path}: {type(error).__name__}"
            ) from error


def _check(response: httpx.Response, found: JSON, needed: tuple[str, ...]) -> None:
    missing = [name for name in needed if name not in found]
    if missing:
        raise RemoteInvalidError(f"the Data API answered {_where(response)} without {', '.join(missing)}")


def _where(response: httpx.Response) -> str:
    return f"{response.request.method} {response.request.url.path}"


def _error(response: httpx.Response) -> RemoteUnavailableError | RemoteRefusedError:
    text = f"the Data API answered {_where(response)} with {response.status_code}: {_message(response)}"
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return RemoteBusyError(text, status=response.status_code)
    if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or response.status_code in {408, 425}:
        return RemoteUnavailableError(text, status=response.status_code)
    return RemoteRefusedError(text, status=response.status_code)


def _message(response: httpx.Response) -> str:
    try:
        document = response.json()
        message = document.get("message") or document["detail"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "no reason given"
    if isinstance(message, list):
        message = "; ".join(
            f"{'.'.join(map(str, item.get('loc', [])))} {item.get('msg', '')}"
            for item in message
            if isinstance(item, dict)
        )
    return str(message)[:500]
