"""What a plan says."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, JsonValue

from datapump.engines import Outlook

Action = Literal["create", "upload", "update", "delete", "tell", "run", "start"]


class PlannedWrite(BaseModel):
    """One thing that would be changed outside.

    Attributes:
        system: Where: `data_api`, `areas_api`, `objects`, `engine`, `receivers`, `executions`.
        action: What happens to it: something is made, rows or files are brought, something is changed, removed, told
            of, run, or started.
        target: What it happens to: a dataset and version, an object's name, a receiver.
        detail: The request, as far as it says more: method and path, the number of files.
    """

    system: str
    action: Action
    target: str
    detail: dict[str, JsonValue] = Field(default_factory=dict)


class Estimate(BaseModel):
    """How long something would take, and what it would cost.

    Attributes:
        duration_s: Seconds; None where nothing tells.
        cost_usd: US dollars for machines that are started; None where nothing tells.
        basis: What it is taken from: past runs, or the price table and its date.
    """

    duration_s: float | None = None
    cost_usd: float | None = None
    basis: str


class PlannedJob(BaseModel):
    """A job that would be run.

    Attributes:
        subject: What it works on, in words.
        outcome: `complete`, or `failed` if it could not be carried through as things are now.
        message: Why it could not, or what it would end with.
        engine: What would run it; None: no engine does.
        writes: What it would change, in this order.
    """

    kind: str
    subject: str
    outcome: Literal["complete", "failed"]
    message: str
    engine: Outlook | None = None
    writes: list[PlannedWrite]
    estimate: Estimate


class Plan(BaseModel):
    """What a command would do as things are now.

    Attributes:
        at: When it was made.
        before: What would be changed before the jobs, by looking for news.
        after: What would be changed after the jobs.
        counts: How many writes there are of each action.
        notes: What to know: why there is nothing to do, what is left out.
        errors: What could not be dispatched.
    """

    execution_id: str
    at: datetime
    before: list[PlannedWrite]
    jobs: list[PlannedJob]
    after: list[PlannedWrite]
    counts: dict[Action, int]
    estimate: Estimate
    notes: list[str]
    errors: list[str]

    @property
    def writes(self) -> list[PlannedWrite]:
        """Everything that would be changed, in order; the jobs' own in parallel."""
        return [*self.before, *(write for job in self.jobs for write in job.writes), *self.after]


class Recorder:
    """What ports that only record write down."""

    def __init__(self) -> None:
        self._writes: list[PlannedWrite] = []

    def note(self, system: str, action: Action, target: str, **detail: JsonValue) -> None:
        """Write down what would have been done."""
        self._writes.append(PlannedWrite(system=system, action=action, target=target, detail=detail))

    def take(self) -> list[PlannedWrite]:
        """What was written down since the last time."""
        taken, self._writes = self._writes, []
        return taken
