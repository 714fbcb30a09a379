"""How DynamoDB is reached: its client, which requests are made again, and what its refusals mean."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from datapump.clock import SystemClock
from datapump.errors import InternalError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")
ATTEMPTS = 12
LONGEST_WAIT_S = 2.0
CONDITION = "ConditionalCheckFailed"
CONFLICTS = {"TransactionConflict", "TransactionConflictException", "TransactionInProgressException"}
THROTTLED = {
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingError",
    "ThrottlingException",
}
OURS = {"ValidationError", "ValidationException", "SerializationException"}


class CancelledError(Exception):
    """A write, or a transaction, changed nothing, because a condition did not hold."""


class Connection:
    """Makes requests, each again where it was throttled or met another write.

    The client is made with the first request.

    Args:
        region: Where the tables are; None: as the environment of the AWS SDK says.
        endpoint_url: Another address than AWS's own, for tests.
        pause: Waits that many seconds.
    """

    def __init__(
        self,
        region: str | None = None,
        endpoint_url: str | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._region = region
        self._endpoint_url = endpoint_url
        self._pause = pause
        self._jitter = SystemClock().jitter
        self._lock = threading.Lock()
        self._client: DynamoDBClient | None = None

    @property
    def client(self) -> DynamoDBClient:
        """The client; it retries what is throttled or gets no answer, and may be shared by threads."""
        with self._lock:
            if self._client is None:
                # A session of its own: the default one may not be used by two threads at once.
                self._client = boto3.Session().client(
                    "dynamodb",
                    region_name=self._region,
                    endpoint_url=self._endpoint_url,
                    config=Config(
                        retries={"mode": "standard", "total_max_attempts": 6}, connect_timeout=5, read_timeout=20
                    ),
                )
            return self._client

    def _ask(self, call: Callable[[], T]) -> T:
        """Make a request; again where another write was in its way, or where it is throttled for long."""
        for attempt in range(ATTEMPTS):
            try:
                return call()
            except ClientError as error:
                _judge(error)
                self._wait(attempt)
            except BotoCoreError as error:
                raise StorageError(f"DynamoDB could not be asked: {error}") from error
        raise StorageError("DynamoDB is throttled, or others write the same items all the time: try again later")

    def _wait(self, attempt: int) -> None:
        longest = min(LONGEST_WAIT_S, 0.02 * 2**attempt)
        self._pause(longest * self._jitter())


def _judge(error: ClientError) -> None:
    """Return if the request may be made again at once; else raise what is the matter."""
    code = error.response.get("Error", {}).get("Code", "")
    if code == CONDITION + "Exception":
        raise CancelledError from error
    if code == "TransactionCanceledException":
        reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
        if CONDITION in reasons:
            raise CancelledError from error
        again = {reason for reason in reasons if reason not in {None, "None"}}
        if again and again <= CONFLICTS | THROTTLED:
            return
    if code in CONFLICTS | THROTTLED:
        return
    message = f"DynamoDB refused a request ({code}): {error.response.get('Error', {}).get('Message', '')}"
    if code in OURS or code == "TransactionCanceledException":
        raise InternalError(message) from error
    raise StorageError(message) from error
