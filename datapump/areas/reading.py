"""Areas in a JSON file, read one after the other: an answer of find-by-ids, or GeoJSON features with ids.

The file may be larger than memory: only the area that is being read is held.
"""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

from datapump.areas.slices import check_geostore_id
from datapump.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JSON = dict[str, Any]
LISTS = frozenset({"data", "features"})
CHUNK = 1 << 20
_BLANK = " \t\r\n"


def read_areas(path: Path) -> Iterator[tuple[str, JSON | str]]:
    """Id and attributes of each area, or in place of the attributes why it cannot be one.

    Raises:
        DataError: The file is no JSON, or holds neither `data` nor `features`.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for name, item in _items(file):
                yield _from_answer(item) if name == "data" else _from_feature(item)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as JSON with a list `data` or `features`: {error}") from error


def _from_answer(item: object) -> tuple[str, JSON | str]:
    if not isinstance(item, dict):
        return "", "it is no object"
    store = item.get("geostore")
    data = store.get("data") if isinstance(store, dict) else None
    told = data if isinstance(data, dict) else {}
    identity = str(item.get("geostoreId") or told.get("id") or "")
    attributes = told.get("attributes")
    reason = check_geostore_id(identity)
    if reason is None and not isinstance(attributes, dict):
        reason = "it has no attributes"
    return identity, reason or attributes or {}


def _from_feature(item: object) -> tuple[str, JSON | str]:
    if not isinstance(item, dict):
        return "", "it is no object"
    told = item.get("properties")
    properties = told if isinstance(told, dict) else {}
    given = (item.get("id"), properties.get("geostore_id"), properties.get("id"))
    identity = next((str(one) for one in given if one is not None and one != ""), "")
    if not identity or not identity.isprintable() or '"' in identity:
        return identity, "it has no id: give it an `id`, or `geostore_id` among its properties"
    return identity, {"geojson": item, **({"areaHa": properties["areaHa"]} if "areaHa" in properties else {})}


def _items(file: IO[str]) -> Iterator[tuple[str, object]]:
    """The items of the lists `data` and `features` of the object in a file, with the list's name."""
    reader = _Reader(file)
    reader.expect("{")
    found = False
    while not reader.take("}"):
        name = reader.value()
        reader.expect(":")
        if name in LISTS and reader.take("["):
            found = True
            while not reader.take("]"):
                yield str(name), reader.value()
                reader.take(",")
        else:
            reader.value()
        reader.take(",")
    if not found:
        raise ValueError("there is none in it")


class _Reader:
    """Reads JSON values from a file of any size."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._decoder = json.JSONDecoder()

    def take(self, sign: str) -> bool:
        """Go past a sign if it comes next."""
        self._skip()
        if not self._text.startswith(sign, self._at):
            return False
        self._at += 1
        return True

    def expect(self, sign: str) -> None:
        """Go past a sign that must come next."""
        if not self.take(sign):
            raise ValueError(f"expected {sign}")

    def value(self) -> Any:  # noqa: ANN401 - any JSON
        """Go past a value."""
        self._skip()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except ValueError:
                if not self._more():
                    raise
                continue
            # A number at the end of what was read may go on.
            if end < len(self._text) or not self._more():
                self._at = end
                return value

    def _skip(self) -> None:
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BLANK:
                self._at += 1
            if self._at < len(self._text) or not self._more():
                return

    def _more(self) -> bool:
        """Read on; twice as much each time, so that a long value is not begun too often."""
        chunk = self._file.read(max(CHUNK, len(self._text) - self._at))
        self._text = self._text[self._at :] + chunk
        self._at = 0
        return bool(chunk)
