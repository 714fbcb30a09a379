"""The notifier of a plan: records who would be told, and tells nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datapump.notifier import Message
    from datapump.planning.plans import Recorder


class PlannedNotifier:
    """Says yes to everything, and writes it down."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def post(self, message: Message) -> bool:
        """Record a message for people."""
        self._recorder.note("receivers", "tell", "the channel", level=message.level.value, text=message.text)
        return True

    def announce(self, receiver: str, dataset: str, version: str) -> bool:
        """Record news for another system."""
        self._recorder.note("receivers", "tell", receiver, dataset=dataset, version=version)
        return True
