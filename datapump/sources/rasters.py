"""Raster datasets: whether their sources have something new, and the version that it calls for.

A raster dataset needs no sync config: its recipe says all, and the first sync makes its first version. A completed
version leaves one (`create_raster`), which shows what was done, and with which the sync can be switched off.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from datapump.analyses import SyncType
from datapump.errors import DataError, NotFoundError
from datapump.jobs.documents import RasterJob
from datapump.names import day_of, numbers
from datapump.recipes import recipes
from datapump.recipes.assets import CogAsset, TileSetAsset, TileSetOf
from datapump.recipes.model import InBucket, SourcesRelease, VersionRelease
from datapump.sources import Finding, News
from datapump.sources.raster_graph import Plan
from datapump.sources.raster_versions import Published
from datapump.sources.releases import FoundRelease, find_release
from datapump.sources.retention import retirements
from datapump.sources.unfinished import taken_up
from datapump.sync_configs import RASTER, config_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datapump.jobs.documents import Table
    from datapump.ports import Ports
    from datapump.recipes.model import Recipe


class Decision(NamedTuple):
    """What a sync decided on a raster dataset.

    Attributes:
        job: The job that makes the new version; None if none is called for.
        finding: What the source has, what is published, and what was decided and why.
    """

    job: RasterJob | None
    finding: Finding


class _New(NamedTuple):
    """What there may be to make.

    Attributes:
        version: The version's name; None if there is nothing to make.
        newest: The newest that the source has.
        why: Why it is made, or why it is not.
    """

    version: str | None
    newest: str | None
    why: str
    release: FoundRelease | None = None


def news(sync_type: SyncType, sync_version: str, tables: Sequence[Table] | None, ports: Ports) -> News:
    """A job for a raster dataset's new version, if its source has one that is not published.

    Raises:
        DatapumpError: The source cannot be read, or has something that the recipe does not allow for.
    """
    if tables is not None:
        return News([], ["nothing to do: the command names tables, and a raster dataset has none"], [])
    recipe = next(one for one in recipes(ports.settings.recipes).values() if one.sync == sync_type)
    return raster_news(recipe, sync_version, ports)


def raster_news(recipe: Recipe, sync_version: str, ports: Ports) -> News:
    """What a recipe's sync calls for, unless its sync config is switched off.

    Raises:
        DatapumpError: The source cannot be read, or has something that the recipe does not allow for.
    """
    row = raster_config_id(recipe)
    if _is_switched_off(row, ports):
        return News([], [f"nothing to do: sync config {row} is switched off"], [])
    decision = raster_job(recipe, sync_version, ports, sync_config=row)
    jobs = [] if decision.job is None else [decision.job]
    return News(jobs, [decision.finding.decided], [], {row: decision.finding})


def raster_config_id(recipe: Recipe) -> str:
    """Id of the sync config that a raster dataset's completed versions leave."""
    return config_id(RASTER, "", recipe.dataset, "", recipe.sync)


def raster_job(recipe: Recipe, sync_version: str, ports: Ports, *, sync_config: str | None = None) -> Decision:
    """The job that makes a dataset's new version, if there is something new.

    Nothing is written. A dataset that does not exist yet counts as one of which nothing is published.

    Args:
        recipe: The dataset.
        sync_version: Name of the version where the recipe takes the sync's.
        ports: The outside world.
        sync_config: Id of the sync config that the job brings up to date.

    Raises:
        DatapumpError: The source cannot be read, or has something that the recipe does not allow for.
    """
    published = Published(recipe.dataset, ports.data_api)
    others = {dataset: Published(dataset, ports.data_api) for dataset in sorted(_datasets(recipe))}
    new = _look(recipe, sync_version, published, others, ports)
    hindrance = None if new.version is None or sync_config is None else _hindrance(sync_config, ports)
    finding = Finding(new.newest, published.latest, hindrance or new.why)
    if new.version is None or hindrance is not None:
        return Decision(None, finding)
    plan = Plan(recipe, new.version, new.release, published, others, ports.settings)
    job = _version_job(plan, sync_version, sync_config, ports)
    unfinished = taken_up(job, ports)
    if unfinished is None:
        return Decision(job, finding)
    decided = f"{new.why}; job {unfinished.id}, which failed to make it, is taken up"
    return Decision(unfinished, finding._replace(decided=decided))


def _version_job(plan: Plan, sync_version: str, sync_config: str | None, ports: Ports) -> RasterJob:
    recipe, version, today = plan.recipe, plan.version, ports.clock.now().date()
    content = recipe.content
    if content.last_day is not None and (day_of(version) or today) > content.last_day:
        raise DataError(
            f"{recipe.dataset} {version}: the pixels cannot express days after {content.last_day} "
            "(content.last_day in its recipe): it needs another encoding"
        )
    assets = plan.assets()
    end = (day_of(version) or today) if content.end == "release" else today
    return RasterJob(
        id=ports.clock.new_id(),
        dataset=recipe.dataset,
        version=version,
        sync_type=SyncType(recipe.sync),
        sync_version=sync_version,
        sync_config=sync_config,
        metadata={
            "content_date_range": {"start_date": content.start.isoformat(), "end_date": end.isoformat()},
            "content_date_description": content.description,
        },
        assets=assets,
        # The assets say which older versions they use.
        retire=retirements(recipe, version, plan.published, plan.in_use, today),
        notify=list(recipe.notify),
    )


def _is_switched_off(row: str, ports: Ports) -> bool:
    try:
        return not ports.sync_configs.get(row).sync
    except NotFoundError:
        return False


def _hindrance(sync_config: str, ports: Ports) -> str | None:
    """Why no job is made though there is something new; None if nothing is in its way."""
    run = ports.runs.config_runs(sync_config).last
    held = None if run is None else ports.runs.open_job(run.job_id)
    return (
        None if held is None else f"nothing to do now: execution {held} is making a version; the next sync looks again"
    )


def _datasets(recipe: Recipe) -> set[str]:
    """The other datasets that a version is made from, or follows."""
    found = {source.dataset for source in recipe.source.sources if isinstance(source, TileSetOf)}
    for asset in recipe.assets:
        if isinstance(asset, TileSetAsset):
            found |= {one.dataset for one in asset.others}
        elif isinstance(asset, CogAsset) and asset.release_of is not None:
            found.add(asset.release_of)
    if isinstance(recipe.release, VersionRelease):
        found.add(recipe.release.dataset)
    return found - {recipe.dataset}


def _look(
    recipe: Recipe, sync_version: str, published: Published, others: Mapping[str, Published], ports: Ports
) -> _New:
    missing = [name for name, other in others.items() if other.latest is None and name in _needed(recipe)]
    if missing:
        return _New(None, None, f"nothing to do: {', '.join(missing)} has no latest version yet")
    if isinstance(recipe.release, SourcesRelease):
        return _by_sources(sync_version, published, others, ports)
    if isinstance(recipe.release, VersionRelease):
        version = others[recipe.release.dataset].latest
        if version is None or version == published.latest:
            return _New(None, version, f"nothing to do: {version} of {recipe.release.dataset} is published already")
        return _New(version, version, f"a job for {version}: {recipe.release.dataset} has this version")
    return _by_release(recipe, published, find_release(recipe, ports.objects, ports.clock.now().date()))


def _by_release(recipe: Recipe, published: Published, release: FoundRelease) -> _New:
    version, latest = release.version, published.latest
    if latest is None:
        return _New(version, version, f"a job for {version}: nothing is published yet", release)
    different = isinstance(recipe.release, InBucket) and recipe.release.new_when == "different"
    if numbers(version) > numbers(latest) or (different and version != latest):
        return _New(version, version, f"a job for {version}: {latest} is published", release)
    return _New(None, version, f"nothing to do: {latest} is published, and {version} is not newer")


def _needed(recipe: Recipe) -> set[str]:
    """The datasets without which no version can be made."""
    optional = {
        one.dataset for asset in recipe.assets if isinstance(asset, TileSetAsset) and asset.calc_alone is not None
        for one in asset.others
    }  # fmt: skip
    return _datasets(recipe) - optional


def _by_sources(sync_version: str, published: Published, others: Mapping[str, Published], ports: Ports) -> _New:
    """New when a source has another version than the latest was made from.

    A source's version may have been begun before the latest version of this dataset and finished after it: by their
    times of making alone it would never be taken in.
    """
    versions = {name: str(other.latest) for name, other in others.items()}
    newest = max(versions.values(), key=numbers)
    latest = published.latest
    if latest is None:
        return _New(sync_version, newest, f"a job for {sync_version}: nothing is published yet")
    changed = [
        f"{name} {version}" for name, version in versions.items() if _is_new(name, version, published, latest, ports)
    ]
    if not changed:
        return _New(None, newest, f"nothing to do: {latest} is made from the latest versions of its sources")
    if sync_version == latest:
        why = f"nothing to do under this name: {sync_version} is published, and {', '.join(changed)} is not in it"
        return _New(None, newest, why)
    return _New(sync_version, newest, f"a job for {sync_version}: {', '.join(changed)} is not in {latest}")


def _is_new(dataset: str, version: str, published: Published, latest: str, ports: Ports) -> bool:
    made_from = published.made_from(latest, dataset)
    if made_from is not None:
        return made_from != version
    theirs = ports.data_api.version(dataset, version) or {}
    ours = ports.data_api.version(published.dataset, latest) or {}
    return datetime.fromisoformat(str(theirs["created_on"])) > datetime.fromisoformat(str(ours["created_on"]))
