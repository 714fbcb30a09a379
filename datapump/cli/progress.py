"""Live progress bars, one a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Column

if TYPE_CHECKING:
    from rich.console import Console

COLOURS = {"complete": "green", "failed": "red"}
ENDED = {"complete", "failed"}


class JobProgress:
    """The jobs of one execution as bars; where the output is no terminal, one line for each change."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.fields[job]}", table_column=Column(no_wrap=True)),
            BarColumn(bar_width=20, table_column=Column(min_width=20)),
            TaskProgressColumn(table_column=Column(no_wrap=True, min_width=4)),
            TimeElapsedColumn(table_column=Column(no_wrap=True, min_width=7)),
            TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
            console=console,
            expand=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._lines: dict[str, str] = {}
        self._waiting: str | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._bars.stop()

    def show(self, execution: dict[str, Any]) -> None:
        """Bring the bars to what the execution's document says."""
        waiting = execution.get("waiting")
        if waiting is not None and waiting != self._waiting:
            self._waiting = waiting
            self._console.print(waiting, markup=False, highlight=False, soft_wrap=True)
        for job in execution.get("jobs", []):
            if self._console.is_terminal:
                self._bar(job)
            else:
                self._line(job)

    def _bar(self, job: dict[str, Any]) -> None:
        colour = COLOURS.get(job["status"], "default")
        message = (job.get("message") or "").replace("[", r"\[")
        text = f"[{colour}]{job['step']}[/]" + (f" {message}" if message and message != job["step"] else "")
        if job["id"] not in self._tasks:
            self._tasks[job["id"]] = self._bars.add_task(text, total=1.0, job=label(job))
        task = self._tasks[job["id"]]
        self._bars.update(task, completed=job["progress"], description=text)
        if job["status"] in ENDED:
            self._bars.stop_task(task)

    def _line(self, job: dict[str, Any]) -> None:
        text = f"{label(job)}: {job['status']}, {job['step']}"
        if self._lines.get(job["id"]) != text:
            self._lines[job["id"]] = text
            self._console.print(text, markup=False, highlight=False)


def label(job: dict[str, Any]) -> str:
    """A short name of a job: what it works on."""
    table = job.get("table")
    if isinstance(table, dict):
        return f"{table['dataset']} {table['analysis']}"
    return f"{job.get('dataset', '')} {job.get('analysis') or job.get('version') or job['kind']}".strip()
