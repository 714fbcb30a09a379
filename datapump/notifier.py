"""The notifier: where messages and news of versions go out of the house."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Protocol


class Level(StrEnum):
    """How much a message matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Message(NamedTuple):
    """Words for people.

    Attributes:
        link: Address of the execution that it is about.
    """

    level: Level
    text: str
    link: str


class Notifier(Protocol):
    """Sends notifications. One call is one try, limited in time; nothing is kept for later."""

    def post(self, message: Message) -> bool:
        """Post a message on the deployment's channel.

        Returns:
            False if the deployment has no channel.

        Raises:
            RemoteError: The channel did not take it.
            InvalidInputError: Its address is none that may be written to.
        """
        ...

    def announce(self, receiver: str, dataset: str, version: str) -> bool:
        """Tell another system that a version of a dataset is published and latest.

        Returns:
            False if no address of this receiver is configured for the dataset.

        Raises:
            RemoteError: The receiver did not take it.
            InvalidInputError: Its address is none that may be written to.
        """
        ...
