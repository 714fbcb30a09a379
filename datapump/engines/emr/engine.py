"""The EMR engine: a run is a cluster, found again by its name, or quicker by the id that starting it told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from datapump.analyses import FIRE_ANALYSES, Analysis, FeatureType, SyncType
from datapump.aws import calling
from datapump.engines import Cluster, Outlook
from datapump.engines.emr.clusters import MASTER, WORKERS, cluster, core_nodes, log_folder, needs_on_demand
from datapump.engines.emr.sources import fitted
from datapump.engines.emr.statuses import ALIVE, run_status
from datapump.engines.emr.workers import limiting_sources, worker_count
from datapump.errors import InvalidInputError, NotFoundError, UnsupportedError

if TYPE_CHECKING:
    from datapump.aws import Aws
    from datapump.clock import Clock
    from datapump.engines import AnalysisRequest, RunStatus
    from datapump.engines.emr.clusters import EmrOptions
    from datapump.objects import Objects

# A job's time is over within a day; what is older is nobody's run any more.
LOOKED_BACK: Final = timedelta(days=3)
_NOT_OF_FEATURES: Final = {Analysis.TCL, Analysis.BURNED_AREAS}


class EmrEngine:
    """Runs GeoTrellis on clusters of its own.

    Args:
        aws: The account.
        objects: Where the sources lie, whose size decides on the workers.
        clock: Tells how far back to look for a cluster.
        options: What the deployment chooses of its clusters.
    """

    def __init__(self, aws: Aws, objects: Objects, clock: Clock, options: EmrOptions) -> None:
        self._aws = aws
        self._objects = objects
        self._clock = clock
        self._options = options

    @property
    def analyses(self) -> frozenset[Analysis]:
        """What it can compute: every analysis of GeoTrellis."""
        return frozenset(Analysis)

    def find(self, name: str, run_id: str | None = None) -> RunStatus | None:
        """The run of that name in whatever state it is, None if it was never started.

        Raises:
            RemoteUnavailableError: EMR did not answer, or is throttling.
        """
        if run_id is not None:
            with calling(f"the cluster {run_id} could not be looked at"):
                described = self._aws.emr().describe_cluster(ClusterId=run_id)["Cluster"]
            return self._told(run_id, described["Status"])
        found = self._named(name)
        return None if found is None else self._told(*found)

    def outlook(self, request: AnalysisRequest) -> Outlook:
        """The cluster that the run would get; nothing is started.

        Raises:
            NotFoundError: A source is not there.
        """
        workers = self._workers(request)
        on_demand = workers if needs_on_demand(request) else core_nodes(workers)
        machines = Cluster(master=MASTER, worker_types=WORKERS, workers=workers, on_demand=on_demand)
        return Outlook(engine="emr", reason="this deployment computes on EMR clusters", cluster=machines)

    def start(self, request: AnalysisRequest) -> str:
        """Ask for a cluster and return its id at once; one of that name that is there already stays the only one.

        Raises:
            UnsupportedError: GeoTrellis has no tables for such features.
            InvalidInputError: There is no fire source, or no GeoTrellis version.
            NotFoundError: A source is not there.
            RemoteBusyError: EMR is throttling: ask again later.
            RemoteUnavailableError: EMR did not answer; look for the name before asking again.
            RemoteRefusedError: EMR takes no such cluster.
        """
        _check(request)
        found = self._named(request.name)
        if found is not None:
            return found[0]
        workers = self._workers(request)
        request = request.model_copy(update={"fire_sources": fitted(request.fire_sources, self._objects)})
        with calling(f"no cluster could be started for {request.name}"):
            return self._aws.emr(writes=True).run_job_flow(**cluster(request, workers, self._options))["JobFlowId"]

    def cancel(self, name: str, run_id: str | None = None) -> None:
        """Terminate the cluster if it goes on; what it still writes lies in a folder that nobody reads.

        Raises:
            RemoteUnavailableError: EMR did not answer; ask again.
        """
        found = (run_id, {"State": ALIVE[0]}) if run_id is not None else self._named(name)
        if found is None or found[1].get("State") not in ALIVE:
            return
        with calling(f"the cluster {found[0]} of the run {name} could not be terminated"):
            self._aws.emr().terminate_job_flows(JobFlowIds=[found[0]])

    def _told(self, cluster_id: str, status: Any) -> RunStatus:  # noqa: ANN401 - one of two types of the library
        return run_status(cluster_id, status, region=self._aws.region, logs=log_folder(self._options))

    def _named(self, name: str) -> tuple[str, Any] | None:
        """The cluster of that name: one that goes on before one that has ended, the newest of several."""
        ended: tuple[str, Any] | None = None
        with calling(f"the clusters could not be listed to find {name}"):
            pages = self._aws.emr().get_paginator("list_clusters")
            for page in pages.paginate(CreatedAfter=self._clock.now() - LOOKED_BACK):
                for listed in page["Clusters"]:
                    if listed["Name"] != name:
                        continue
                    if listed["Status"]["State"] in ALIVE:
                        return listed["Id"], listed["Status"]
                    ended = ended or (listed["Id"], listed["Status"])
        return ended

    def _workers(self, request: AnalysisRequest) -> int:
        # The number for user areas is fixed; and while a run is planned, their file is not there yet.
        size = 0 if request.sync_type is SyncType.RW_AREAS else self._size(request)
        return worker_count(request, size, production=self._options.production)

    def _size(self, request: AnalysisRequest) -> int:
        """Bytes of the limiting sources; a pattern's do not matter, and listing them could take long."""
        names = [name for name in limiting_sources(request) if "*" not in name]
        sizes = {name: [info.size for info in self._objects.glob(name)] for name in names}
        missing = [name for name, found in sizes.items() if not found]
        if missing:
            raise NotFoundError(f"the run {request.name} cannot start: there is nothing at {', '.join(missing)}")
        return sum(sum(found) for found in sizes.values())


def _check(request: AnalysisRequest) -> None:
    if request.feature_type is FeatureType.FEATURE and request.analysis in _NOT_OF_FEATURES:
        raise UnsupportedError(f"the analysis {request.analysis} has no tables for the feature type feature")
    if request.analysis in FIRE_ANALYSES and not request.fire_sources:
        raise InvalidInputError(f"the analysis {request.analysis} needs a fire source", pointer="/fire_sources")
    if not request.geotrellis_version:
        raise InvalidInputError("a cluster needs to know its GeoTrellis version", pointer="/geotrellis_version")
