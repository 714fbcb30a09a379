"""AWS: clients made when they are first used, and their errors as ours."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from datapump.errors import RemoteBusyError, RemoteRefusedError, RemoteUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_emr import EMRClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_stepfunctions import SFNClient

    from datapump.errors import DatapumpError
    from datapump.settings import Settings

READ_ATTEMPTS = 6
CONNECT_S = 5.0
READ_S = 20.0
SERVER_ERROR = 500
THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)


class Aws:
    """The account's services.

    A client that reads asks again by itself when it is throttled or gets no answer, waiting longer each time. One that
    writes never does: an answer that did not come may belong to a write that has happened.

    Args:
        region: Where the services are; None: where the AWS SDK says.
        endpoint: Another address of all of them, for tests.
    """

    def __init__(self, region: str | None, endpoint: str | None = None) -> None:
        self._region = region
        self._endpoint = endpoint
        self._session: Any = None
        self._clients: dict[tuple[str, bool], Any] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The account that the settings name."""
        return cls(settings.aws_region, settings.aws_endpoint_url)

    @property
    def region(self) -> str:
        """Where the services are."""
        return self._region or str(self.emr().meta.region_name)

    def emr(self, *, writes: bool = False) -> EMRClient:
        """Elastic MapReduce."""
        client: EMRClient = self._client("emr", writes=writes)
        return client

    def step_functions(self, *, writes: bool = False) -> SFNClient:
        """Step Functions."""
        client: SFNClient = self._client("stepfunctions", writes=writes)
        return client

    def secrets(self) -> SecretsManagerClient:
        """Secrets Manager."""
        client: SecretsManagerClient = self._client("secretsmanager", writes=False)
        return client

    def _client(self, service: str, *, writes: bool) -> Any:  # noqa: ANN401 - each service has its own type
        with self._lock:
            key = (service, writes)
            if key not in self._clients:
                # Importing it costs more than all the rest of a handler that may not need it.
                import boto3  # noqa: PLC0415 - see above
                from botocore.config import Config  # noqa: PLC0415 - see above

                attempts = 1 if writes else READ_ATTEMPTS
                config = Config(
                    connect_timeout=CONNECT_S,
                    read_timeout=READ_S,
                    retries={"mode": "standard", "total_max_attempts": attempts},
                )
                # A session of its own: the default one may not be used by two threads at once.
                self._session = self._session or boto3.Session()
                self._clients[key] = self._session.client(
                    service, region_name=self._region, endpoint_url=self._endpoint, config=config
                )
            return self._clients[key]


@contextmanager
def calling(what: str) -> Iterator[None]:
    """Inside the block, what AWS answers badly is raised as an error of ours, whose message begins with what was asked.

    Raises:
        RemoteBusyError: Throttled: nothing has happened.
        RemoteUnavailableError: No answer, or one that tells of a fault at the other end: it may have happened.
        RemoteRefusedError: A clear no.
    """
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError  # noqa: PLC0415 - as above

    try:
        yield
    except ClientError as error:
        raise _refusal(what, error.response) from error
    except NoCredentialsError as error:
        raise RemoteRefusedError(f"{what}: there are no credentials for AWS") from error
    except BotoCoreError as error:
        raise RemoteUnavailableError(f"{what}: AWS did not answer ({type(error).__name__})") from error


def _refusal(what: str, response: Any) -> DatapumpError:  # noqa: ANN401 - as the library types it
    code = str(response.get("Error", {}).get("Code", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    text = f"{what}: AWS answered {code}: {response.get('Error', {}).get('Message', '')}".rstrip(": ")
    if code in THROTTLED:
        return RemoteBusyError(text, status=status, code=code)
    if status is not None and status >= SERVER_ERROR:
        return RemoteUnavailableError(text, status=status, code=code)
    return RemoteRefusedError(text, status=status, code=code)
