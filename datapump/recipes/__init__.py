"""The raster datasets as data: one TOML file each, checked as a whole when it is loaded."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from datapump.errors import DataError, NotFoundError
from datapump.recipes.model import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails

BUILT_IN = Path(__file__).parent
_KINDS = {"source", "tile_set", "tile_cache", "cog", "vrt", "folders", "upload_date", "years", "sources", "version_of"}


@lru_cache
def recipes(folder: Path | None = None) -> Mapping[str, Recipe]:
    """All recipes by dataset: those that come with datapump, and those of a folder, which go before them.

    Raises:
        DataError: A file is not a valid recipe, or recipes come after each other in a circle; the message names the
            file and the key.
    """
    found = {recipe.dataset: (path, recipe) for path, recipe in map(_read, _files(BUILT_IN))}
    if folder is not None:
        own: dict[str, Path] = {}
        for path in _files(folder):
            recipe = _read(path)[1]
            if recipe.dataset in own:
                raise DataError(f"{path}: dataset: {recipe.dataset} has a recipe in {own[recipe.dataset]} already")
            own[recipe.dataset] = path
            found[recipe.dataset] = (path, recipe)
    for path, recipe in found.values():
        _check_order(path, recipe, {dataset: one for dataset, (_, one) in found.items()})
    return {dataset: found[dataset][1] for dataset in sorted(found)}


def recipe_of(dataset: str, folder: Path | None = None) -> Recipe:
    """The recipe of a dataset.

    Raises:
        NotFoundError: It has none.
    """
    try:
        return recipes(folder)[dataset]
    except KeyError:
        raise NotFoundError(f"no recipe makes the raster dataset {dataset!r}") from None


def parse_recipe(text: str, path: Path) -> Recipe:
    """The recipe that a file's text holds.

    Raises:
        DataError: It is not TOML, or not a valid recipe; the message names the file and every faulty key.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{path}: not TOML: {error}{_line(text, str(error))}") from None
    try:
        recipe = Recipe.model_validate(document)
    except ValidationError as error:
        faults = "; ".join(_words(item) for item in error.errors(include_url=False, include_input=False))
        raise DataError(f"{path}: {faults}") from None
    if path.stem != recipe.dataset:
        raise DataError(f"{path}: dataset: the file of {recipe.dataset} is named {recipe.dataset}.toml")
    return recipe


def _files(folder: Path) -> Iterable[Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: the folder of recipes does not exist")
    return sorted(folder.glob("*.toml"))


def _read(path: Path) -> tuple[Path, Recipe]:
    return path, parse_recipe(path.read_text(encoding="utf-8"), path)


def _line(text: str, message: str) -> str:
    """The line that a fault of TOML is in, so that its key is seen."""
    number = message.rpartition("at line ")[2].split(",")[0]
    lines = text.splitlines()
    return f": {lines[int(number) - 1].strip()}" if number.isdigit() and 0 < int(number) <= len(lines) else ""


def _words(error: ErrorDetails) -> str:
    """`assets.1.grid: ...`: pydantic puts the kinds of a union's members into the path."""
    path = [str(part) for part in error["loc"]]
    path = [part for index, part in enumerate(path) if not _is_kind(path, index)]
    if error["type"] == "extra_forbidden":
        message = "is not a known key: remove it, or look for a typing mistake"
    elif error["type"] == "missing":
        message = "is required"
    else:
        message = error["msg"].removeprefix("Value error, ")
    return f"{'.'.join(path)}: {message}" if path else message


def _is_kind(path: list[str], index: int) -> bool:
    of_asset = path[:1] == ["assets"] and index == len(["assets", "0"])
    of_release = path[:1] == ["release"] and index == len(["release"])
    return ((of_asset or of_release) and path[index] in _KINDS) or path[index] in {"str", "TileSetOf"}


def _check_order(path: Path, recipe: Recipe, known: Mapping[str, Recipe]) -> None:
    """Every dataset that it comes after has a recipe, and none of them comes after it."""
    seen = [recipe.dataset]
    level = [recipe.dataset]
    while level:
        following = []
        for dataset in level:
            for other in known[dataset].after:
                if other not in known:
                    raise DataError(f"{path}: after: no recipe makes {other!r}")
                if other == recipe.dataset:
                    raise DataError(f"{path}: after: {recipe.dataset} would come after itself, through {dataset}")
                if other not in seen:
                    following.append(other)
        seen += following
        level = following
