"""Which feature files an analysis of a dataset version reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.analyses import FeatureType
from datapump.clients.data_api import GRID_ASSET
from datapump.errors import NotFoundError

if TYPE_CHECKING:
    from datapump.jobs.documents import Table
    from datapump.ports import Ports

GADM_36 = "s3://gfw-files/2018_update/tsv/gadm36_adm2_1_1.csv"


def find_features(table: Table, ports: Ports) -> str:
    """The name of a table's feature files; may hold `*`.

    Raises:
        NotFoundError: The version, its `1x1 grid` asset or its file does not exist; the message names the table.
        RemoteUnavailableError: The Data API did not answer.
    """
    known = _known_place(table, ports)
    if known is not None:
        if not ports.objects.glob(known):
            raise NotFoundError(f"the table {table} has no feature files: there is nothing at {known}")
        return known
    return _grid_asset(table, ports)


def _known_place(table: Table, ports: Ports) -> str | None:
    folder = f"s3://{ports.settings.pipeline_bucket}/geotrellis/features"
    if FeatureType.of_dataset(table.dataset) is FeatureType.GEOSTORE:
        return f"{folder}/geostore/*.tsv"
    if table.dataset == "gadm":
        return {"v3.6": GADM_36, "v4.1": f"{folder}/gadm41_adm2_1x1.tsv"}.get(table.version)
    return None


def _grid_asset(table: Table, ports: Ports) -> str:
    api = ports.data_api
    if api.version(table.dataset, table.version) is None:
        known = api.dataset(table.dataset)
        if known is None:
            raise NotFoundError(f"the table {table} names an unknown dataset: the Data API has no {table.dataset}")
        versions = ", ".join(sorted(known.get("versions") or [])) or "none"
        raise NotFoundError(f"the table {table} names an unknown version; versions of {table.dataset}: {versions}")
    grids = [asset for asset in api.assets(table.dataset, table.version) if asset["asset_type"] == GRID_ASSET]
    saved = [str(asset["asset_uri"]) for asset in grids if asset["status"] == "saved"]
    if not saved:
        state = f"its {GRID_ASSET!r} asset is {grids[-1]['status']}" if grids else f"it has no {GRID_ASSET!r} asset"
        raise NotFoundError(f"the table {table} cannot be analysed: {state}; create that asset of the version first")
    return saved[-1]
