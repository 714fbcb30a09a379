"""The catalog of raster layers: what they are called, what their values mean, which are configured."""

from __future__ import annotations

import tomllib
from functools import cache, cached_property
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from datapump.errors import DataError, NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from datapump.analyses import Analysis

SHIPPED = "catalog.toml"
_NAME = r"^[A-Za-z0-9_.-]{1,100}$"
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
        columns: The column's name, then its former names; each carries the same value. None: not a context.
        twins: The analyses whose tables have columns under the former names too.
        kind: How pixel values are read: `boolean`, `text` (by `codes`), `bins` (a percentage, by `bins`), `mask`
            (boolean, not a context), `number` (per hectare), `year` (after 2000), `alerts` (date and confidence).
        codes: Of a text layer: what each pixel value stands for.
        bins: Of a binned layer: lower limits, exclusive, rising.
        default: What a pixel value of 0, or a place without a pixel, stands for; "" is an empty field.
        other: What a pixel value without a code stands for.
        largest: Of a mask: the greatest value it may hold; None: any.
        required: The analyses that skip a place where this layer has no tile.
        whitelist: Whether the layer has columns in whitelist tables.
        public: Where the raster lies in the public data lake.
        uri: Where its tiles are read from, with `{tile_id}` and if need be `{grid}`; None: not configured.
    """

    name: str
    columns: Annotated[tuple[str, ...], Field(strict=False)]
    twins: Annotated[tuple[str, ...], Field(strict=False)] = ("glad", "viirs", "modis", "burned_areas")
    kind: Literal["boolean", "text", "bins", "mask", "number", "year", "alerts"]
    codes: Annotated[dict[int, str], BeforeValidator(_integer_keys)] = Field(default_factory=dict)
    bins: Annotated[tuple[int, ...], Field(strict=False)] = ()
    default: str = ""
    other: str = ""
    largest: int | None = None
    required: Annotated[tuple[str, ...], Field(strict=False)] = ()
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
    """Layers.

    Attributes:
        source: The file that says which layers are configured.
        grids: Raster grid by analysis: tile size in degrees / pixels of a tile.
        analyses: Names of the layers of each analysis, those that have columns in the order of the columns.
        layers: The layers; of `of`, in that order.
    """

    source: str
    grids: dict[str, str]
    analyses: dict[str, Annotated[tuple[str, ...], Field(strict=False)]]
    layers: tuple[Layer, ...]

    def of(self, analysis: Analysis) -> Catalog:
        """The layers of one analysis, with the columns that its tables have."""
        known = {layer.name: layer for layer in self.layers}
        found = [known[name] for name in self.analyses[analysis]]
        columns = [layer.columns if analysis in layer.twins else layer.columns[:1] for layer in found]
        layers = tuple(layer.model_copy(update={"columns": names}) for layer, names in zip(found, columns, strict=True))
        return self.model_copy(update={"layers": layers})

    def layer(self, name: str) -> Layer:
        """The layer of that name."""
        return next(layer for layer in self.layers if layer.name == name)

    @property
    def contexts(self) -> tuple[Layer, ...]:
        """The layers that have columns."""
        return tuple(layer for layer in self.layers if layer.columns)

    @property
    def configured(self) -> tuple[Layer, ...]:
        """The layers that a raster is given for."""
        return tuple(layer for layer in self.layers if layer.uri is not None)

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the layers that no raster is given for."""
        return tuple(layer.name for layer in self.layers if layer.uri is None)


class _UserLayer(_Strict):
    """Files, or a raster tile set of a version of a dataset of the Data API."""

    uri: str = Field("", min_length=1)
    dataset: str = Field("", pattern=_NAME)
    version: str = Field("latest", pattern=_NAME)
    pixel_meaning: str = Field("", pattern=_NAME)

    @field_validator("uri")
    @classmethod
    def _of_tiles(cls, uri: str) -> str:
        if "{tile_id}" not in uri:
            raise ValueError("write {tile_id} where the names of the tiles differ, as in peat/{tile_id}.tif")
        return uri

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.uri and self.model_fields_set != {"uri"}:
            raise ValueError("write either uri, or dataset with pixel_meaning")
        if not self.uri and not (self.dataset and self.pixel_meaning):
            raise ValueError("write uri, or dataset and pixel_meaning")
        return self

    @property
    def place(self) -> str:
        return self.uri or f"dataset://{self.dataset}/{self.version}/{self.pixel_meaning}"


class _UserCatalog(_Strict):
    public: bool = False
    layers: dict[str, _UserLayer] = Field(default_factory=dict)


def load_catalog(path: Path | None) -> Catalog:
    """The shipped catalog, with the layers that a catalog file of the user's configures.

    Args:
        path: TOML file of `[layers.NAME]` tables, each with a `uri`; with `public = true`, all other layers are those
            of the public data lake. None: no layer is configured.

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
    uris = {name: _beside(path, layer.place) for name, layer in given.layers.items()}
    rest = {layer.name: layer.public for layer in shipped.layers} if given.public else {}
    layers = tuple(layer.model_copy(update={"uri": (rest | uris).get(layer.name)}) for layer in shipped.layers)
    return shipped.model_copy(update={"source": str(path), "layers": layers})


def _beside(path: Path, uri: str) -> str:
    """A relative name of a file means one beside the catalog file."""
    if "://" in uri:
        return uri.removeprefix("file://")
    return str(path.resolve().parent / uri)


@cache
def _shipped() -> Catalog:
    text = resources.files(__package__).joinpath(SHIPPED).read_text(encoding="utf-8")
    document = tomllib.loads(text)
    layers = [{"name": name, **fields} for name, fields in document["layers"].items()]
    rest = {key: document[key] for key in ("grids", "analyses")}
    return Catalog.model_validate({"source": SHIPPED, **rest, "layers": tuple(layers)})


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
        raise DataError(f"{path}: {key}: {problem['msg'].removeprefix('Value error, ')}") from error
