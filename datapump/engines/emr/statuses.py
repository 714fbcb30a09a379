"""What the state of a cluster says of its run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from datapump.engines import RunState, RunStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

ALIVE: Final = ("STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING")
ENDED: Final = ("TERMINATED", "TERMINATED_WITH_ERRORS")
DONE: Final = "ALL_STEPS_COMPLETED"
BY_HAND: Final = "USER_REQUEST"


def run_status(cluster_id: str, status: Mapping[str, Any], *, region: str, logs: str) -> RunStatus:
    """The run's state.

    A cluster that AWS takes away, as with its spot nodes, terminates with errors: another one may do better. One that
    somebody ends is not started again.

    Args:
        cluster_id: The cluster.
        status: Its `Status`, as EMR lists and describes it.
        region: Where it is.
        logs: Folder of the logs of all clusters.
    """
    name = str(status.get("State", ""))
    reason = status.get("StateChangeReason") or {}
    code = str(reason.get("Code") or "")
    state = _state(name, code)
    message = f"cluster {cluster_id} is {name.lower().replace('_', ' ')}"
    told = " ".join(part for part in (code, str(reason.get("Message") or "")) if part)
    return RunStatus(
        state=state,
        message=f"{message}: {told}" if told and state is not RunState.RUNNING else message,
        retryable=state is RunState.FAILED,
        run_id=cluster_id,
        links={
            "cluster": f"https://{region}.console.aws.amazon.com/emr/home?region={region}#/clusterDetails/{cluster_id}",
            "log": f"{logs}/{cluster_id}/",
        },
    )


def _state(name: str, code: str) -> RunState:
    if code == BY_HAND and name in {"TERMINATING", *ENDED}:
        return RunState.CANCELLED
    if name == "TERMINATED" and code == DONE:
        return RunState.SUCCEEDED
    return RunState.FAILED if name in ENDED else RunState.RUNNING
