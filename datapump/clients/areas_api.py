"""The ResourceWatch Areas API's client: the areas that users drew, their geometries, and how far their analysis is.

Source: the code of the areas and geostore services of 2023. What they are known for is met here: the list of areas may
shrink while it is paged through; a geostore may come back under another id than the one asked for; ids that do not
exist are left out, and if none exists the answer is 404; a status update e-mails the areas' owners at each call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import httpx

from datapump.clients.areas_exchange import JSON, AreasExchange
from datapump.errors import RemoteInvalidError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from datapump.clients.areas_exchange import Answer

MOST_GEOSTORES = 100
PAGE_SIZE = 100
LONGEST_NAME = 100


class Synced(NamedTuple):
    """What a sync of subscriptions found.

    Attributes:
        subscriptions: How many had changed; None where the service does not say.
        unread: What the embedded service says of files that it cannot read.
    """

    subscriptions: int | None
    created: int
    updated: int
    unread: tuple[str, ...] = ()


class PendingArea(NamedTuple):
    """An area that waits for its analysis.

    Attributes:
        geostore: Id of its geometry as the area stores it; None for an area that has none.
        name: What its owner calls it.
    """

    id: str
    geostore: str | None
    name: str = ""


class Geostore(NamedTuple):
    """A geometry.

    Attributes:
        id: Its current id.
        attributes: As the service tells them: `geojson`, and where they are known `areaHa`, `bbox` and more.
    """

    id: str
    attributes: JSON


class AreasApi(AreasExchange):
    """The Areas API at one address: areas, geometries, statuses. Its arguments are those of an exchange."""

    def sync_subscriptions(self, start: date, *, dry_run: bool = False) -> Synced:
        """Turn the subscriptions that changed since a day into areas. Doing it twice changes nothing more.

        Args:
            start: First day, UTC. The service itself ends before today.
            dry_run: Only tell what there is.
        """
        query = {"startDate": start.isoformat(), **({"dryRun": "true"} if dry_run else {})}
        data = self._object(self._send("POST", "/v2/area/sync", query=query), "data")
        total = data.get("totalSubscriptions")
        return Synced(
            subscriptions=total if isinstance(total, int) else None,
            created=_count(data, "createdAreas"),
            updated=_count(data, "syncedAreas"),
            unread=tuple(map(str, data.get("unreadFiles") or ())),
        )

    def pending_areas(self) -> Iterator[PendingArea]:
        """Every area that is `pending`, each once, newest first.

        It ends also when areas leave the list meanwhile; one that is passed over by that is found by the next look.
        """
        seen: set[str] = set()
        page = 1
        while True:
            query = {
                "status": "pending",
                "sort": "-createdAt",
                "all": "true",
                "page[number]": str(page),
                "page[size]": str(PAGE_SIZE),
            }
            answer = self._send("GET", "/v2/area", query=query)
            areas = [_pending(answer, item) for item in self._rows(answer)]
            fresh = [area for area in areas if area.id not in seen]
            seen |= {area.id for area in fresh}
            yield from fresh
            if not fresh or page >= _total_pages(answer, page + 1):
                return
            page += 1

    def geostores(self, ids: Sequence[str]) -> dict[str, Geostore]:
        """The geometries of at most 100 ids, by the id that was asked for; those that do not exist are left out.

        Two ids may lead to the same geometry.

        Raises:
            RemoteInvalidError: The answer is not one, or larger than is taken.
        """
        if len(ids) > MOST_GEOSTORES:
            raise ValueError(f"at most {MOST_GEOSTORES} ids at once")
        found = {geostore.id: geostore for geostore in self._find(ids)}
        known = {asked: found.pop(asked) for asked in ids if asked in found}
        # What is left over came under another id than the one asked for.
        unmatched = [asked for asked in dict.fromkeys(ids) if asked not in known]
        if len(unmatched) == 1 and len(found) == 1:
            return {**known, unmatched[0]: next(iter(found.values()))}
        if not found and not known:
            return {}
        for asked in unmatched:
            alone = self._find([asked])
            if alone:
                known[asked] = alone[0]
        return known

    def update_statuses(self, geostores: Sequence[str], status: str) -> int:
        """Set the status of all areas with one of at most 100 geometries; returns how many there were.

        Owners of areas that are then `saved` get an e-mail, at each call.
        """
        if not 0 < len(geostores) <= MOST_GEOSTORES:
            raise ValueError(f"between 1 and {MOST_GEOSTORES} geostores at once")
        body = {"geostores": list(geostores), "update_params": {"status": status}}
        return len(self._rows(self._send("POST", "/v2/area/update", body=body)))

    def _find(self, ids: Sequence[str]) -> list[Geostore]:
        if not ids:
            return []
        answer = self._send("POST", "/v2/geostore/find-by-ids", body={"geostores": list(ids)}, read=True)
        return [] if answer.status == httpx.codes.NOT_FOUND else [geostore(item) for item in self._rows(answer)]

    def _rows(self, answer: Answer) -> list[JSON]:
        data = answer.document.get("data") if isinstance(answer.document, dict) else None
        if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
            raise RemoteInvalidError(f"the Areas API answered {answer.where} without a list of data")
        return data

    def _object(self, answer: Answer, key: str) -> JSON:
        data = answer.document.get(key) if isinstance(answer.document, dict) else None
        if not isinstance(data, dict):
            raise RemoteInvalidError(f"the Areas API answered {answer.where} without {key}")
        return data


def geostore(item: JSON) -> Geostore:
    """An item of a find-by-ids answer.

    Raises:
        RemoteInvalidError: It has no id, or no attributes.
    """
    try:
        data = item["geostore"]["data"]
        found = Geostore(item.get("geostoreId") or data["id"], data["attributes"])
    except (KeyError, TypeError) as error:
        raise RemoteInvalidError("the Areas API answered find-by-ids with a geostore without attributes") from error
    if not isinstance(found.id, str) or not isinstance(found.attributes, dict):
        raise RemoteInvalidError("the Areas API answered find-by-ids with a geostore that has no id or no attributes")
    return found


def _pending(answer: Answer, item: JSON) -> PendingArea:
    identity, attributes = item.get("id"), item.get("attributes")
    if not isinstance(identity, str) or not isinstance(attributes, dict):
        raise RemoteInvalidError(f"the Areas API answered {answer.where} with an area without id or attributes")
    geostore_id = attributes.get("geostore")
    known = geostore_id if isinstance(geostore_id, str) and geostore_id else None
    return PendingArea(identity, known, str(attributes.get("name") or "")[:LONGEST_NAME])


def _total_pages(answer: Answer, otherwise: int) -> int:
    meta = answer.document.get("meta") if isinstance(answer.document, dict) else None
    total = meta.get("total-pages") if isinstance(meta, dict) else None
    return total if isinstance(total, int) else otherwise


def _count(data: JSON, name: str) -> int:
    value = data.get(name)
    return value if isinstance(value, int) else 0
