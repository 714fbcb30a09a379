"""The types of problem (RFC 9457): every error that the API answers has one of these, documented at its `type`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProblemType:
    """One type of problem.

    Attributes:
        name: Last part of its `type`.
        title: What it is, in a few words, always the same.
        meaning: What has happened and what has not.
        remedy: What the caller can do.
        retry_after_s: When it is worth trying again, where time may help.
        concealed: Whether the problem's `detail` is the meaning alone, because the cause is ours and not for callers.
    """

    name: str
    status: int
    title: str
    meaning: str
    remedy: str
    retry_after_s: int | None = None
    concealed: bool = False

    @property
    def uri(self) -> str:
        """The `type` of such problems, a relative reference."""
        return f"/problems/{self.name}"


BAD_REQUEST = ProblemType(
    "bad-request", 400, "Bad request", "The request could not be read as HTTP.", "Send a well-formed request."
)
MALFORMED_JSON = ProblemType(
    "malformed-json",
    400,
    "Malformed JSON",
    "The body is not JSON text in UTF-8, or holds what JSON readers do not agree on: a key twice in one object, "
    "NaN or Infinity, a number too large for 64 bits. Nothing has been done.",
    "Mend the body at the place that `detail` names.",
)
INVALID_HEADER = ProblemType(
    "invalid-header",
    400,
    "Invalid header",
    "A request header cannot be read. Nothing has been done.",
    "Mend the header named in `errors`: `Idempotency-Key` is a string of 1 to 255 printable ASCII characters, in "
    "double quotes or without; `If-Match` is `*` or strong entity tags as an `ETag` header gave them.",
)
INVALID_CURSOR = ProblemType(
    "invalid-cursor",
    400,
    "Invalid cursor",
    "The cursor was not given out by this list for these filters.",
    "Follow the `Link` header with rel=next as it stands, or start again without a cursor.",
)
UNAUTHORIZED = ProblemType(
    "unauthorized",
    401,
    "No valid key",
    "The request holds no key, or one that is unknown or revoked. Nothing has been done.",
    "Send `Authorization: Bearer <key>`. An operator of this deployment makes keys.",
)
FORBIDDEN = ProblemType(
    "forbidden",
    403,
    "Not allowed",
    "The key is valid, but its scope does not include this. Nothing has been done.",
    "Use a key with the scope that `detail` names: `read` to look, `operate` to start, stop and change.",
)
NOT_FOUND = ProblemType(
    "not-found",
    404,
    "Not found",
    "There is nothing under this address.",
    "Check the id; lists show what there is.",
)
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed",
    405,
    "Method not allowed",
    "The address exists, but does not know this method.",
    "Use one of the methods in the `Allow` header.",
)
CONFLICT = ProblemType(
    "conflict",
    409,
    "Conflict",
    "What the request names is in another state than the request needs. Nothing has been done.",
    "Read its present state, then decide whether the request still makes sense.",
)
TARGET_BUSY = ProblemType(
    "target-busy",
    409,
    "Another execution writes the same",
    "The command says that it is not to wait, and another execution writes, or waits to write, some of what it would: "
    "the one at `holder`. Nothing has been done.",
    "Wait until the holder has ended, or send it with `on_conflict` as `queue`: then its jobs wait for their turn.",
)
STALE = ProblemType(
    "stale",
    412,
    "Changed since it was read",
    "`If-Match` names a state that is no longer the present one: somebody has changed it since. Nothing has been done.",
    "Read it again, and repeat the change with the new `ETag` if it is still wanted.",
)
CONTENT_TOO_LARGE = ProblemType(
    "content-too-large",
    413,
    "Body too large",
    "The body is over the limit. Nothing has been done.",
    "Split the request: several commands with fewer tables or jobs each.",
)
UNSUPPORTED_MEDIA_TYPE = ProblemType(
    "unsupported-media-type",
    415,
    "Unsupported media type",
    "The body's `Content-Type` is missing, or not one that this address reads. Nothing has been done.",
    "Send one of the media types in the `Accept` header of the answer, encoded in UTF-8.",
)
INVALID_INPUT = ProblemType(
    "invalid-input",
    422,
    "Invalid input",
    "The body is JSON, but some of its values break a rule. Nothing has been done.",
    "Mend every value listed in `errors`: `pointer` (RFC 6901) says where it is, `detail` what is allowed.",
)
INVALID_PARAMETER = ProblemType(
    "invalid-parameter",
    422,
    "Invalid parameter",
    "A parameter in the query or the path breaks a rule, is not known, or is given twice. Nothing has been done.",
    "Mend every parameter listed in `errors`.",
)
KEY_REUSED = ProblemType(
    "idempotency-key-reused",
    422,
    "Idempotency key used before",
    "The same caller has used this `Idempotency-Key` for another command. Nothing has been done.",
    "Use a new key for a new command; repeat a key only with the same body.",
)
PRECONDITION_REQUIRED = ProblemType(
    "precondition-required",
    428,
    "If-Match is missing",
    "A change must say which state it changes, so that nobody overwrites what another has done. Nothing has been done.",
    "Read it, and send its `ETag` as `If-Match`; or `If-Match: *` to change whatever is there.",
)
RATE_LIMITED = ProblemType(
    "rate-limited",
    429,
    "Too many requests",
    "The caller has used up its requests for now. Nothing has been done.",
    "Wait the seconds in `Retry-After`; `RateLimit` tells with every answer how many requests are left.",
)
UNUSABLE_DATA = ProblemType(
    "unusable-data",
    422,
    "Unusable data",
    "A file or table that the request refers to cannot be used as it is.",
    "Mend the data as `detail` says, then repeat the request.",
)
INTERNAL_ERROR = ProblemType(
    "internal-error",
    500,
    "Internal error",
    "Something went wrong that should be impossible. The cause is in the server's log, under `request_id`.",
    "Repeat the request, with the same `Idempotency-Key`; if it fails again, report the `request_id`.",
    concealed=True,
)
NOT_AVAILABLE = ProblemType(
    "not-available",
    501,
    "Not available here",
    "The request is valid, but this deployment cannot carry it out. Nothing has been done.",
    "Ask for what `detail` says is available, or use a deployment or version that can do it.",
)
REMOTE_FAILURE = ProblemType(
    "remote-failure",
    502,
    "A remote system failed",
    "A remote system refused, or gave an answer that breaks its own contract.",
    "Read `detail`; the same request would get the same answer until somebody mends the cause.",
)
REMOTE_UNAVAILABLE = ProblemType(
    "remote-unavailable",
    503,
    "A remote system is not available",
    "A remote system gave no answer in time, or asked to come back later.",
    "Repeat the request after the seconds in `Retry-After`, with the same `Idempotency-Key`.",
    retry_after_s=30,
)
STORE_UNAVAILABLE = ProblemType(
    "store-unavailable",
    503,
    "The store is not available",
    "The store of executions and sync configs could not be read or written. The cause is in the server's log, under "
    "`request_id`.",
    "Repeat the request after the seconds in `Retry-After`, with the same `Idempotency-Key`.",
    retry_after_s=5,
    concealed=True,
)

ALL = (
    BAD_REQUEST,
    MALFORMED_JSON,
    INVALID_HEADER,
    INVALID_CURSOR,
    UNAUTHORIZED,
    FORBIDDEN,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    CONFLICT,
    TARGET_BUSY,
    STALE,
    CONTENT_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    INVALID_INPUT,
    INVALID_PARAMETER,
    KEY_REUSED,
    PRECONDITION_REQUIRED,
    RATE_LIMITED,
    UNUSABLE_DATA,
    INTERNAL_ERROR,
    NOT_AVAILABLE,
    REMOTE_FAILURE,
    REMOTE_UNAVAILABLE,
    STORE_UNAVAILABLE,
)
BY_NAME = {problem_type.name: problem_type for problem_type in ALL}
