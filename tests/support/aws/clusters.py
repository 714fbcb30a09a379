"""EMR clusters that compute: what they are asked to run is run on this machine."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from itertools import pairwise
from unittest.mock import patch

from moto.core.exceptions import JsonRESTError
from moto.emr.models import Cluster, ElasticMapReduceBackend

from datapump.analyses import Analysis, FeatureType
from datapump.engines import AnalysisRequest, RunState
from datapump.engines.local.zonal import run
from datapump.results import FOLDERS


class GeoTrellis:
    """What happens on the clusters: the arguments of each are run on this machine, results go to its output.

    Args:
        objects: S3.
        ending: Given the name of a run, tells how it ends as `RunStatus`; None: well.

    `tables` holds, by analysis, what makes its tables instead, as for `InlineEngine`. Clusters compute as long as
    `goes_on` says so.
    """

    def __init__(self, objects, ending):
        self.started = []
        self.throttled = 0
        self.tables = {}
        self.goes_on = lambda: False
        self._ending = ending
        self._objects = objects
        self._lock = threading.Lock()

    @contextmanager
    def on_emr(self):
        """Inside the block moto's clusters are these."""
        real = ElasticMapReduceBackend.run_job_flow

        def run_job_flow(backend, **asked):
            if self.throttled:
                self.throttled -= 1
                raise JsonRESTError("ThrottlingException", "Rate exceeded")
            cluster = real(backend, **asked)
            self._begin(cluster)
            return cluster

        with (
            patch.object(ElasticMapReduceBackend, "run_job_flow", run_job_flow),
            patch.object(Cluster, "status", property(_status)),
        ):
            yield

    def states(self):
        """By the name of each cluster, its state."""
        return {cluster.name: cluster.state for cluster in self.started}

    def _begin(self, cluster):
        with self._lock:
            self.started.append(cluster)
            cluster.told = self._ending(cluster.name)
            cluster.computed = False
            # moto leaves it waiting, although it has a step.
            cluster.state = "RUNNING"

    def work(self):
        """Bring every cluster to its end that is to end."""
        with self._lock:
            for cluster in self.started:
                if cluster.state == "RUNNING" and not cluster.computed and not self.goes_on():
                    self._end(cluster)

    def _end(self, cluster):
        told = cluster.told
        if told is None:
            cluster.computed = True
            self._compute(self.request(cluster))
            _close(cluster, "TERMINATED", "ALL_STEPS_COMPLETED")
        elif told.state is RunState.FAILED:
            _close(cluster, "TERMINATED_WITH_ERRORS", "INSTANCE_FAILURE" if told.retryable else "STEP_FAILURE")
        elif told.state is RunState.CANCELLED:
            _close(cluster, "TERMINATED", "USER_REQUEST")

    def _compute(self, request):
        if request.analysis not in self.tables:
            run(request, self._objects, layers=None, progress=lambda *_: None)
            return
        for (level, table), text in self.tables[request.analysis](request).items():
            self._objects.put(f"{request.output}/{level}/{table}/part-00000-x.csv", text.encode())

    @staticmethod
    def request(cluster):
        """What a cluster was asked to compute, read off the arguments of its step as GeoTrellis does."""
        arguments = cluster.steps[0].args
        words = {name: [] for name in ("--features", "--fire_alert_source", "--output", "--feature_type")}
        for name, value in pairwise(arguments):
            words.get(name, []).append(value)
        analysis = Analysis(cluster.steps[0].name)
        return AnalysisRequest(
            name=cluster.name,
            analysis=analysis,
            feature_type=FeatureType(words["--feature_type"][0]),
            features=words["--features"],
            output=f"{words['--output'][0]}/{FOLDERS[analysis]}_20260201_0200",
            fire_sources=words["--fire_alert_source"],
            change_only="--change_only" in arguments,
        )


def _close(cluster, state, code):
    cluster.state = state
    cluster.code = code


def _status(cluster):
    """Moto tells no code of a state's change; a cluster that `TerminateJobFlows` ended was ended by a request."""
    code = getattr(cluster, "code", None) or ("USER_REQUEST" if cluster.state == "TERMINATED" else None)
    timeline = {"CreationDateTime": cluster.creation_datetime}
    return {"State": cluster.state, "StateChangeReason": {"Code": code, "Message": ""}, "Timeline": timeline}
