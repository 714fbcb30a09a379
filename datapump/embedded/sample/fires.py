"""Nine days of invented fires around the sample region, in the two forms in which fires arrive.

They look like what VIIRS sees: clusters that flare up and die down, a front that moves from east to west, some
scattered detections, four overpasses a day. The dates are fixed, so that a second run finds the same fires.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from dataclasses import dataclass, fields
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
import pyogrio.raw
from shapely import points, to_wkb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from datapump.embedded.sample.region import Area, Region

SAVED_FIRST, SAVED_LAST = date(2026, 1, 10), date(2026, 1, 16)
FEED_FIRST, FEED_LAST = date(2026, 1, 12), date(2026, 1, 18)
FEED_LAYER = "SUOMI_VIIRS_C2_Global_7d"

_SEED = 20260110
_FIRES_A_DAY = (342, 451, 612, 758, 823, 655, 497, 431, 366)
_OVERPASSES = (12, 113, 670, 771)  # minutes after midnight UTC: two by night, two by day
_OVERPASS_SHARES = (0.12, 0.13, 0.36, 0.39)
_CONFIDENCES = {"l": "low", "n": "nominal", "h": "high"}
_CONFIDENCE_SHARES = (0.10, 0.80, 0.10)
# Longitude and latitude of fires exactly on a whole degree, where an engine could count them in two slices or in none.
_ON_DEGREES = ((20.0, 7.3), (20.0, 7.42), (20.0, 6.0), (20.13, 6.0))
_DAYS_ON_DEGREES = (3, 7)


@dataclass(frozen=True)
class Fires:
    """Detections as columns of equal length, in the order of their acquisition.

    Attributes:
        latitude: Degrees north, five decimals.
        longitude: Degrees east, five decimals.
        acq_date: Day of the overpass (UTC), `datetime64[D]`.
        acq_time: Its time, `HHMM` as text.
        confidence: `l`, `n` or `h`.
        bright_ti4: Brightness temperature of channel I-4, kelvin.
        bright_ti5: The same of channel I-5.
        frp: Fire radiative power, megawatts.
        scan: Size of the pixel along the scan, kilometres.
        track: The same along the track.
    """

    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    acq_date: NDArray[np.datetime64]
    acq_time: NDArray[np.str_]
    confidence: NDArray[np.str_]
    bright_ti4: NDArray[np.float64]
    bright_ti5: NDArray[np.float64]
    frp: NDArray[np.float64]
    scan: NDArray[np.float64]
    track: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.latitude)

    def between(self, first: date, last: date) -> Self:
        """The fires of these days, both included."""
        chosen = (self.acq_date >= np.datetime64(first)) & (self.acq_date <= np.datetime64(last))
        return self.take(np.flatnonzero(chosen))

    def take(self, rows: NDArray[np.int64]) -> Self:
        """These rows, in this order."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def draw_fires(region: Region) -> Fires:
    """The fires of all nine days: the same ones every time."""
    rng = np.random.default_rng(_SEED)
    clusters = _Clusters.draw(region, rng)
    day = np.repeat(np.arange(len(_FIRES_A_DAY)), _FIRES_A_DAY)
    place = np.concatenate([clusters.scatter(d, n, rng) for d, n in enumerate(_FIRES_A_DAY)])
    for d in _DAYS_ON_DEGREES:
        start = int(np.searchsorted(day, d))
        place[start : start + len(_ON_DEGREES)] = _ON_DEGREES
    overpass = rng.choice(len(_OVERPASSES), len(day), p=_OVERPASS_SHARES)
    minute = np.array(_OVERPASSES)[overpass] + 7 * (3 * day % 5)
    warmth = rng.random(len(day))
    frp = np.clip(np.exp(rng.normal(0.4, 0.6, len(day)) + 2.2 * warmth), 0.3, 300).round(2)
    fires = Fires(
        latitude=place[:, 1],
        longitude=place[:, 0],
        acq_date=np.datetime64(SAVED_FIRST) + day,
        acq_time=np.array([f"{m // 60:02d}{m % 60:02d}" for m in minute.tolist()]),
        confidence=rng.choice(list(_CONFIDENCES), len(day), p=_CONFIDENCE_SHARES),
        bright_ti4=np.minimum(305 + 60 * warmth + rng.normal(0, 4, len(day)), 367).round(2),
        bright_ti5=(285 + 25 * warmth + rng.normal(0, 3, len(day))).round(2),
        frp=frp,
        scan=(0.38 + 0.3 * rng.random(len(day))).round(2),
        track=(0.36 + 0.2 * rng.random(len(day))).round(2),
    )
    return fires.take(np.lexsort((fires.longitude, fires.latitude, minute, day)))


def saved_tsv(fires: Fires) -> bytes:
    """The fires as they are kept for the analysis: tab-separated, a header, eight columns.

    Numbers have the fewest digits that read back as the same number, whole ones no point.
    """
    names = ("latitude", "longitude", "acq_date", "acq_time", "confidence", "bright_ti4", "bright_ti5", "frp")
    columns = [getattr(fires, name).astype(str).tolist() for name in names]
    lines = ["\t".join(text.removesuffix(".0") for text in row) for row in zip(*columns, strict=True)]
    return "\n".join(["\t".join(names), *lines, ""]).encode()


def saved_name(fires: Fires) -> str:
    """The file's name among the kept ones: `{first date}-{first HHMM}_{last date}-{last HHMM}.tsv`."""
    first, last = (f"{fires.acq_date[row]}-{fires.acq_time[row]}" for row in (0, -1))
    return f"{first}_{last}.tsv"


def feed_zip(fires: Fires) -> bytes:
    """The fires as FIRMS offers them: a zipped point shapefile (EPSG:4326) with its attribute names."""
    day_pass = (fires.acq_time >= "0600") & (fires.acq_time < "1800")
    attributes: dict[str, NDArray[Any]] = {
        "LATITUDE": fires.latitude,
        "LONGITUDE": fires.longitude,
        "BRIGHT_TI4": fires.bright_ti4,
        "SCAN": fires.scan,
        "TRACK": fires.track,
        "ACQ_DATE": fires.acq_date,
        "ACQ_TIME": fires.acq_time,
        "SATELLITE": np.full(len(fires), "N"),
        "CONFIDENCE": np.array([_CONFIDENCES[letter] for letter in fires.confidence.tolist()]),
        "VERSION": np.full(len(fires), "2.0NRT"),
        "BRIGHT_TI5": fires.bright_ti5,
        "FRP": fires.frp,
        "DAYNIGHT": np.where(day_pass, "D", "N"),
    }
    with tempfile.TemporaryDirectory() as folder:
        pyogrio.raw.write(
            Path(folder) / f"{FEED_LAYER}.shp",
            to_wkb(points(fires.longitude, fires.latitude)),
            [column.astype(object) if column.dtype.kind == "U" else column for column in attributes.values()],
            list(attributes),
            driver="ESRI Shapefile",
            geometry_type="Point",
            crs="EPSG:4326",
            # The header of a DBF file holds a date; today's would make every file another.
            layer_options={"DBF_DATE_LAST_UPDATE": FEED_LAST.isoformat()},
        )
        return _zip(sorted(Path(folder).iterdir()))


def _zip(files: list[Path]) -> bytes:
    stamp = FEED_LAST + timedelta(days=1)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for file in files:
            entry = zipfile.ZipInfo(file.name, (stamp.year, stamp.month, stamp.day, 2, 0, 0))
            entry.external_attr = 0o644 << 16
            out.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return archive.getvalue()


class _Outlined(Protocol):
    @property
    def polygon(self) -> Area: ...


@dataclass(frozen=True)
class _Clusters:
    """Where fires gather: one cluster on everything that has a name, others in and around the country.

    Attributes:
        centre: Longitude and latitude, shape (n, 2).
        spread: Standard deviation to either side, degrees, shape (n, 2).
        weight: Share of the fires, before the day is considered.
        peak: Day (0: the first) on which most burns.
    """

    centre: NDArray[np.float64]
    spread: NDArray[np.float64]
    weight: NDArray[np.float64]
    peak: NDArray[np.float64]

    @classmethod
    def draw(cls, region: Region, rng: np.random.Generator) -> Self:
        west, south, east, north = region.divisions.country.bounds
        kinds: tuple[Sequence[_Outlined], ...] = (
            region.divisions.adm2,
            region.parks,
            region.user_areas,
            region.farms,
        )
        inside = [item.polygon.representative_point() for kind in kinds for item in kind]
        on_names = [(point.x, point.y) for point in inside]
        anywhere = rng.random((22, 2)) * (east - west + 0.4, north - south + 0.4) + (west - 0.2, south - 0.2)
        centre = np.concatenate([np.array(on_names), anywhere])
        eastness = (centre[:, 0] - west) / (east - west)
        return cls(
            centre=centre,
            spread=0.03 + 0.14 * rng.random(centre.shape) ** 2,
            weight=0.3 + rng.random(len(centre)) ** 3 * 3,
            peak=6.5 - 5 * eastness + rng.normal(0, 0.8, len(centre)),
        )

    def scatter(self, day: int, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Longitude and latitude of the fires of a day, shape (count, 2): one in twelve belongs to no cluster."""
        share = self.weight * np.exp(-(((day - self.peak) / 1.8) ** 2) / 2)
        chosen = rng.choice(len(share), count, p=share / share.sum())
        place = self.centre[chosen] + self.spread[chosen] * rng.standard_normal((count, 2))
        low, high = self.centre.min(axis=0), self.centre.max(axis=0)
        stray = rng.random(count) < 1 / 12
        place[stray] = low + rng.random((int(stray.sum()), 2)) * (high - low)
        return place.round(5)
