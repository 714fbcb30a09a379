"""The orchestrator of production: an execution is carried by a run of the state machine.

A name that a closed run has had is refused for ever, even with the same input. So our own record says which runs were
started. A run only moves what the run store says is open: another one after it goes on where the store stands.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from datapump.aws import calling
from datapump.errors import RemoteRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from types_boto3_stepfunctions.literals import ExecutionStatusType

    from datapump.aws import Aws
    from datapump.stores import RunStore

RUNNING: Final = "RUNNING"
_SEPARATOR = "-"


class MachineRun(NamedTuple):
    """A run of the state machine.

    Attributes:
        number: 1 for the first run that carries an execution.
        state: `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
    """

    execution_id: str
    number: int
    arn: str
    state: str
    started: datetime
    stopped: datetime | None


class StepFunctionsOrchestrator:
    """Starts and watches the runs of one state machine.

    Args:
        aws: The account.
        runs: Where executions, and which runs carry them, are recorded.
        state_machine: The machine's ARN.
    """

    def __init__(self, aws: Aws, runs: RunStore, state_machine: str) -> None:
        self._aws = aws
        self._runs = runs
        self._machine = state_machine

    def start(self, execution_id: str) -> None:
        """See to it that the execution is carried. Starting one that is carried or has ended changes nothing.

        Raises:
            RemoteUnavailableError: Step Functions did not answer, or is throttling; start it again.
        """
        if not self._runs.get_execution(execution_id).ended:
            self._start(execution_id, 1)

    def stop(self, execution_id: str, reason: str) -> None:
        """End an execution: at their next tick its jobs terminate their clusters, and fail with the reason.

        Where its run has been closed from outside, by time or by hand, another one is started that does just that.

        Raises:
            NotFoundError: There is none of that id.
            ConflictError: It has ended already.
            RemoteUnavailableError: The wish is recorded, and will come true when it is carried; stop it again.
        """
        self._runs.request_stop(execution_id, reason)
        run = self.describe(execution_id)
        if run is None or run.state != RUNNING:
            self._start(execution_id, 1 if run is None else run.number + 1)

    def describe(self, execution_id: str) -> MachineRun | None:
        """The newest run that carries or has carried an execution, None if there was none.

        Raises:
            RemoteUnavailableError: Step Functions did not answer.
        """
        arn, number = None, 0
        while (recorded := self._recorded(execution_id, number + 1)) is not None:
            arn, number = recorded, number + 1
        if arn is None:
            return None
        with calling(f"the run {arn} could not be looked at"):
            told = self._aws.step_functions().describe_execution(executionArn=arn)
        return MachineRun(execution_id, number, arn, told["status"], told["startDate"], told.get("stopDate"))

    def list(self, state: ExecutionStatusType = RUNNING) -> Iterator[MachineRun]:
        """The runs in that state, newest first.

        Raises:
            RemoteUnavailableError: Step Functions did not answer.
        """
        with calling("the runs of the state machine could not be listed"):
            pages = self._aws.step_functions().get_paginator("list_executions")
            for page in pages.paginate(stateMachineArn=self._machine, statusFilter=state):
                for one in page["executions"]:
                    execution_id, _, number = one["name"].partition(_SEPARATOR)
                    yield MachineRun(
                        execution_id=execution_id,
                        number=int(number or 1),
                        arn=one["executionArn"],
                        state=one["status"],
                        started=one["startDate"],
                        stopped=one.get("stopDate"),
                    )

    def trouble(self) -> str | None:
        """Why nothing can be carried; None if the state machine is there."""
        with calling("the state machine could not be looked at"):
            state = self._aws.step_functions().describe_state_machine(stateMachineArn=self._machine)["status"]
        return None if state == "ACTIVE" else f"the state machine is {state}"

    def _recorded(self, execution_id: str, number: int) -> str | None:
        effect = self._runs.get_effect(_key(execution_id, number))
        return str((effect.outcome or {})["arn"]) if effect is not None and effect.done else None

    def _start(self, execution_id: str, number: int) -> None:
        """Start a run, unless our record says that it has been started."""
        if self._recorded(execution_id, number) is not None:
            return
        self._runs.intend(_key(execution_id, number))
        name = execution_id if number == 1 else f"{execution_id}{_SEPARATOR}{number}"
        arn = f"{self._machine.replace(':stateMachine:', ':execution:')}:{name}"
        try:
            with calling(f"execution {execution_id} could not be started"):
                self._aws.step_functions(writes=True).start_execution(
                    stateMachineArn=self._machine,
                    name=name,
                    input=json.dumps({"execution_id": execution_id, "attempts": 0}),
                )
        except RemoteRefusedError as error:
            # An earlier try did start it, whose answer was lost.
            if error.code != "ExecutionAlreadyExists":
                raise
        self._runs.complete(_key(execution_id, number), {"arn": arn})


def _key(execution_id: str, number: int) -> str:
    return f"{execution_id}/machine/{number}"
