"""Bytes that were read, as progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from datapump.engines.local.files import InputFile


def meter(
    progress: Callable[[float, str], None], shares: tuple[float, float], files: Sequence[InputFile], message: str
) -> Callable[[int], None]:
    """Turns bytes that were read into progress from the first share to the second."""
    start, stop = shares
    total = max(1, sum(file.size for file in files))
    done = 0

    def told(size: int) -> None:
        nonlocal done
        done += size
        share = min(1, done / total)
        progress(start * (1 - share) + stop * share, message)

    progress(start, message)
    return told
