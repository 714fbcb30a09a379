"""How real buckets are reached: which names mean one, where it is, and with whose rights it is read."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from obstore.exceptions import (
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import GCSStore, S3Store
from pydantic import BaseModel, ConfigDict

from datapump.clock import SystemClock
from datapump.errors import DataError, NotFoundError, RemoteRefusedError, RemoteUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from obstore.store import RetryConfig, S3Credential
    from pydantic import SecretStr

    from datapump.settings import Settings

ALL: Final = "*"
_FIRST_WAIT: Final = timedelta(milliseconds=200)
_LONGEST_WAIT: Final = timedelta(seconds=30)
_CONNECT: Final = "10s"
_ASKED_AGAIN: Final = timedelta(minutes=10)


class Buckets(BaseModel):
    """Real buckets of S3 and Google Cloud Storage.

    Attributes:
        real: Names of buckets that are real where other buckets are folders; `*`: all are.
        unsigned: Names of public buckets, which are read without credentials; `*`: all are.
        requester_pays: Whether the account that reads pays for what it reads, as some buckets of S3 ask for.
        region: AWS region of the S3 buckets; None: as the environment of the AWS SDK says.
        s3_endpoint: Another address of S3 than AWS's own.
        gs_endpoint: Another address of Google Cloud Storage than Google's own.
        patience_s: How long a request that gets no answer is repeated, waiting longer each time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    real: frozenset[str] = frozenset()
    unsigned: frozenset[str] = frozenset()
    requester_pays: bool = False
    region: str | None = None
    s3_endpoint: str | None = None
    gs_endpoint: str | None = None
    patience_s: float = 180.0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say."""
        return cls(
            real=settings.real_buckets,
            unsigned=settings.unsigned_buckets,
            requester_pays=settings.requester_pays,
            region=settings.aws_region,
            s3_endpoint=settings.s3_endpoint,
            gs_endpoint=settings.gs_endpoint,
            patience_s=settings.bucket_patience_s,
        )

    def are_real(self, bucket: str) -> bool:
        """Whether a name means a real bucket where others are folders."""
        return bool({bucket, ALL} & self.real)

    def gs_needs_key(self, bucket: str) -> bool:
        """Whether a bucket of Google Cloud Storage is not public."""
        return not {bucket, ALL} & self.unsigned

    def open(self, scheme: str, bucket: str, key: SecretStr | None = None) -> S3Store | GCSStore:
        """A bucket; nothing is asked of it yet.

        Args:
            scheme: `s3` or `gs`.
            bucket: Its name.
            key: That of a Google service account (JSON); None: as the environment says.

        Raises:
            RemoteRefusedError: No credentials are found for a bucket of S3 that is not public, or Google's are none.
        """
        return self._s3(bucket) if scheme == "s3" else self._gcs(bucket, key)

    def _s3(self, bucket: str) -> S3Store:
        options: dict[str, Any] = {"retry_config": self._retries()}
        if self.region is not None:
            options["region"] = self.region
        if self.s3_endpoint is not None:
            options |= {"endpoint": self.s3_endpoint, "virtual_hosted_style_request": False}
        options["client_options"] = {"allow_http": self.s3_endpoint is not None, "connect_timeout": _CONNECT}
        if self.requester_pays:
            options["request_payer"] = True
        if {bucket, ALL} & self.unsigned:
            return S3Store(bucket, skip_signature=True, **options)
        return S3Store(bucket, credential_provider=_aws_credentials(bucket), **options)

    def _gcs(self, bucket: str, key: SecretStr | None) -> GCSStore:
        options: dict[str, Any] = {"retry_config": self._retries()}
        options["client_options"] = {"allow_http": self.gs_endpoint is not None, "connect_timeout": _CONNECT}
        if key is not None:
            return _with_key(bucket, key, options)
        if self.gs_endpoint is not None:
            # The only form in which the library takes another address for all its requests.
            account = {"gcs_base_url": self.gs_endpoint, "disable_oauth": True, "client_email": "", "private_key": ""}
            return GCSStore(bucket, service_account_key=json.dumps({**account, "private_key_id": ""}), **options)
        if not self.gs_needs_key(bucket):
            return GCSStore(bucket, skip_signature=True, **options)
        return GCSStore(bucket, **options)

    def _retries(self) -> RetryConfig:
        return {
            "max_retries": 1000,
            "retry_timeout": timedelta(seconds=self.patience_s),
            "backoff": {"init_backoff": _FIRST_WAIT, "max_backoff": _LONGEST_WAIT, "base": 2},
        }


def _with_key(bucket: str, key: SecretStr, options: dict[str, Any]) -> GCSStore:
    """A bucket, read with a key, which may name an address of its own."""
    try:
        return GCSStore(bucket, service_account_key=key.get_secret_value(), **options)
    except BaseError:
        # What is wrong with it is not told: that may quote it.
        raise RemoteRefusedError(
            f"gs://{bucket} cannot be used: its key is not the JSON of a Google service account's key"
        ) from None


def _aws_credentials(bucket: str) -> Callable[[], S3Credential]:
    """Tells the credentials that the AWS SDK finds, found anew before they expire."""
    import boto3  # noqa: PLC0415 - costs much to load, and not all buckets need it

    credentials = boto3.Session().get_credentials()
    if credentials is None:
        raise RemoteRefusedError(
            f"s3://{bucket} cannot be used: the AWS SDK finds no credentials. Set them (AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role), or name a public bucket in DATAPUMP_UNSIGNED_BUCKETS"
        )

    def current() -> S3Credential:
        found = credentials.get_frozen_credentials()
        return {
            "access_key_id": str(found.access_key),
            "secret_access_key": str(found.secret_key),
            "token": found.token,
            "expires_at": SystemClock().now() + _ASKED_AGAIN,
        }

    return current


@contextmanager
def asking(uri: str) -> Iterator[None]:
    """Tell the errors of a bucket apart.

    Raises:
        NotFoundError: There is no such object.
        RemoteRefusedError: It may not be read.
        DataError: It is no longer the object that was looked at before.
        RemoteUnavailableError: No answer, again and again.
    """
    try:
        yield
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise RemoteRefusedError(f"{uri} cannot be read: there is no such bucket") from error
        raise NotFoundError(f"{uri} does not exist") from error
    except PreconditionError as error:
        raise DataError(f"{uri} was changed while it was read; start the run again") from error
    except (BaseError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            # This machine's own disk: what the library raises has no number.
            raise
        if is_refusal(error):
            raise RemoteRefusedError(
                f"{uri} may not be read with these credentials; a bucket whose content may not be listed answers so "
                f"also of what is not there: {_first_line(error)}"
            ) from error
        raise RemoteUnavailableError(f"{uri} could not be read: {_first_line(error)}") from error


def is_refusal(error: Exception) -> bool:
    """Whether an error of the library says that a bucket may not be used so; of a list only its words do."""
    denied = isinstance(error, PermissionDeniedError | UnauthenticatedError)
    return denied or re.search(r"status code: 40[13]\b", str(error)) is not None


def _first_line(error: Exception) -> str:
    """What the library says, without what it has said for its own developers."""
    return str(error).split("\n", 1)[0].strip()
