"""The catalog of contextual layers: what they are called, what their values mean, which are configured."""

from __future__ import annotations

import tomllib
from functools import cache, cached_property
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from datapump.errors import DataError, NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = "catalog.toml"
WDPA_LAYER = "wdpa_protected_areas"


def _integer_keys(codes: object) -> object:
    """TOML has text keys only; pixel values are integers."""
    return {int(key): name for key, name in codes.items()} if isinstance(codes, dict) else codes


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Layer(_Strict):
    """One contextual layer.

    Attributes:
        name: Its name in the catalog.
        columns: The column's name, then its former names; each carries the same value.
        kind: How pixel values are read: `boolean`, `text` (by `codes`) or `bins` (a percentage, by `bins`).
        codes: Of a text layer: what each pixel value stands for.
        bins: Of a binned layer: lower limits, exclusive, rising.
        default: What a pixel value of 0, or a place without a pixel, stands for; "" is an empty field.
        other: What a pixel value without a code stands for.
        required: Whether the analysis as published elsewhere cannot do without it.
        whitelist: Whether the layer has columns in whitelist tables.
        public: For information: where the raster lies in the public data lake.
        uri: Where the raster is read from; None: the layer is not configured.
    """

    name: str
    columns: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    kind: Literal["boolean", "text", "bins"]
    codes: Annotated[dict[int, str], BeforeValidator(_integer_keys)] = Field(default_factory=dict)
    bins: Annotated[tuple[int, ...], Field(strict=False)] = ()
    default: str = ""
    other: str = ""
    required: bool = False
    whitelist: bool = True
    public: str
    uri: str | None = None

    @cached_property
    def default_text(self) -> str:
        """The text written where the layer has no value of its own."""
        return "false" if self.kind == "boolean" else self.default

    def text(self, value: int) -> str:
        """What a pixel value is written as."""
        if value == 0:
            return self.default_text
        if self.kind == "boolean":
            return "true"
        if self.kind == "bins":
            return str(max((limit for limit in self.bins if limit < value), default=0))
        return self.codes.get(value, self.other or self.default)


class Catalog(_Strict):
    """Every layer of the fire analyses, in column order.

    Attributes:
        source: The file that says which layers are configured.
        grids: Raster grid by analysis: tile size in degrees / pixels of a tile.
    """

    source: str
    grids: dict[str, str]
    layers: tuple[Layer, ...]

    @property
    def configured(self) -> tuple[Layer, ...]:
        """The layers that a raster is given for."""
        return tuple(layer for layer in self.layers if layer.uri is not None)

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the layers that no raster is given for."""
        return tuple(layer.name for layer in self.layers if layer.uri is None)


class _UserLayer(_Strict):
    uri: str = Field(min_length=1)


class _UserCatalog(_Strict):
    layers: dict[str, _UserLayer] = Field(default_factory=dict)


def load_catalog(path: Path | None) -> Catalog:
    """The shipped catalog, with the layers that a catalog file of the user's configures.

    Args:
        path: TOML file of `[layers.NAME]` tables, each with a `uri`; None: no layer is configured.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is not TOML, or holds a layer or key that is not known.
    """
    shipped = _shipped()
    if path is None:
        return shipped
    given = _parse_user_catalog(path)
    names = [layer.name for layer in shipped.layers]
    for name in given.layers:
        if name not in names:
            raise DataError(f"{path}: layers.{name} is no known layer; known are {', '.join(names)}")
    layers = tuple(
        layer.model_copy(update={"uri": given.layers[layer.name].uri}) if layer.name in given.layers else layer
        for layer in shipped.layers
    )
    return shipped.model_copy(update={"source": str(path), "layers": layers})


@cache
def _shipped() -> Catalog:
    text = resources.files(__package__).joinpath(SHIPPED).read_text(encoding="utf-8")
    document = tomllib.loads(text)
    layers = [{"name": name, **fields} for name, fields in document["layers"].items()]
    return Catalog.model_validate({"source": SHIPPED, "grids": document["grids"], "layers": tuple(layers)})


def _parse_user_catalog(path: Path) -> _UserCatalog:
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError(f"the layer catalog {path} does not exist") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"the layer catalog {path} cannot be read: {error}") from error
    try:
        return _UserCatalog.model_validate(document)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            raise DataError(f"{path}: {key} is not a known key; write [layers.NAME] with uri") from error
        raise DataError(f"{path}: {key}: {problem['msg']}") from error
