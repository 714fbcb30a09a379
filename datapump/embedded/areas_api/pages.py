"""Pages of a list as the Areas API gives them: JSON:API links and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = dict[str, Any]
SORTABLE = frozenset({"createdAt", "updatedAt", "name", "status", "geostore"})
NUMBER, SIZE = "page[number]", "page[size]"


def page(areas: list[JSON], query: Mapping[str, str], url: str, usual_size: int) -> JSON:
    """One page of areas, sorted and linked as the query asks. An empty list has one page."""
    size = _positive(query.get(SIZE), usual_size)
    number = _positive(query.get(NUMBER), 1)
    total = max(1, -(-len(areas) // size))
    ordered = _sorted(areas, query.get("sort", ""))
    others = {name: value for name, value in query.items() if name not in {NUMBER, SIZE}}

    def link(at: int) -> str:
        return f"{url}?{urlencode({**others, NUMBER: at, SIZE: size}, safe='[],-')}"

    return {
        "data": ordered[(number - 1) * size : number * size],
        "links": {
            "self": link(number),
            "first": link(1),
            "last": link(total),
            "prev": link(max(1, number - 1)),
            "next": link(min(total, number + 1)),
        },
        "meta": {"total-pages": total, "total-items": len(areas), "size": size},
    }


def _positive(text: str | None, otherwise: int) -> int:
    number = int(text) if text is not None and text.isascii() and text.isdigit() else 0
    return number or otherwise


def _sorted(areas: list[JSON], order: str) -> list[JSON]:
    """By a comma list of fields, each with `-` for falling; fields that are not known are left out."""
    ordered = list(areas)
    for field in reversed(order.split(",")):
        name = field.removeprefix("-")
        if name in SORTABLE:
            ordered.sort(key=lambda area: str(area["attributes"].get(name, "")), reverse=field.startswith("-"))
    return ordered
