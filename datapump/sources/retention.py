"""What a new raster version makes superfluous; decided only once there is a new one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from datapump.jobs.raster_assets import Retirement
from datapump.names import day_of

if TYPE_CHECKING:
    from datetime import date

    from datapump.recipes.model import Recipe
    from datapump.sources.raster_versions import Published


def retirements(
    recipe: Recipe, new: str, published: Published, in_use: frozenset[str], today: date
) -> list[Retirement]:
    """What is to be deleted once a new version is latest, oldest first.

    Never: the latest version, the new one, one that is preserved or in use, one whose name is not that of a day.

    Args:
        recipe: Says what is kept.
        new: The version that is to be made.
        published: The dataset's versions.
        in_use: Versions whose files the new one refers to.
        today: The day (UTC) that ages are counted from.
    """
    kept = {new, published.latest, *recipe.retention.keep, *in_use}
    known = {name: day for name in published.versions if (day := day_of(name)) is not None}
    days = {name: day for name, day in sorted(known.items(), key=lambda item: item[1]) if name not in kept}
    return [*_old(recipe, days, today), *_remakable(recipe, days, published)]


def _old(recipe: Recipe, days: dict[str, date], today: date) -> list[Retirement]:
    keep_days = recipe.retention.keep_days
    if keep_days is None:
        return []
    return [
        Retirement(
            kind="version",
            dataset=recipe.dataset,
            version=name,
            reason=f"it is {(today - day).days} days old; versions are kept for {keep_days} days",
        )
        for name, day in days.items()
        if day < today - timedelta(days=keep_days)
    ]


def _remakable(recipe: Recipe, days: dict[str, date], published: Published) -> list[Retirement]:
    """The assets of the version before the latest, which is the one before the previous as soon as the new one is."""
    latest = None if published.latest is None else day_of(published.latest)
    older = [name for name, day in days.items() if latest is not None and day < latest]
    if not recipe.retention.remake or not older:
        return []
    version = older[-1]
    uris = [str(asset["asset_uri"]) for asset in published.assets(version)]
    parts = [part for part in recipe.retention.remake if any(part in uri for uri in uris)]
    if not parts:
        return []
    reason = f"two versions are newer than {version}, and these assets can be made again from what is kept of it"
    return [Retirement(kind="assets", dataset=recipe.dataset, version=version, assets=parts, reason=reason)]
