"""What a shell may complete on the command line: names that are known, and ids that the server tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from datapump.cli.output import connect
from datapump.errors import DatapumpError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from enum import Enum

Pairs = list[tuple[str, str]]
QUICK_S = 2.0
MOST = 50


def names_of(*kinds: type[Enum]) -> Callable[[str], list[str]]:
    """Completes the values of some enumerations."""
    return among([str(one.value) for kind in kinds for one in kind])


def among(names: Sequence[str]) -> Callable[[str], list[str]]:
    """Completes some names."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return complete


def executions(incomplete: str) -> Pairs:
    """Completes the ids of the newest executions."""
    return list(_told("executions", incomplete, lambda item: f"{item['command']} {item['status']}"))


def execution_argument(words: str) -> Any:  # noqa: ANN401 - as typer itself says of its arguments
    """An argument that is an execution's id."""
    return typer.Argument(metavar="ID", help=words, autocompletion=executions)


def sync_configs(incomplete: str) -> Pairs:
    """Completes the ids of sync configs."""
    return list(_told("sync_configs", incomplete, lambda item: f"{item['sync_type']} of {item['dataset']}"))


def backfills(incomplete: str) -> Pairs:
    """Completes the ids of the newest backfills."""
    return list(_told("backfills", incomplete, lambda item: f"{item['status']}, {len(item['parts'])} syncs"))


def _told(method: str, incomplete: str, words: Callable[[dict[str, Any]], str]) -> Iterator[tuple[str, str]]:
    """What the server lists; nothing where it cannot be asked, for a shell must not show an error here."""
    try:
        with connect(timeout_s=QUICK_S, attempts=1) as client:
            items = getattr(client, method)(limit=MOST)["items"]
    except DatapumpError:
        return
    for item in items:
        if item["id"].startswith(incomplete):
            yield item["id"], words(item)
