"""The problem document (RFC 9457)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from pydantic.config import JsonDict


class ProblemError(BaseModel):
    """One value of the request that breaks a rule; it is named by `pointer`, or by `parameter` and `in`."""

    pointer: str | None = Field(
        default=None, description="Where in the body: a JSON pointer (RFC 6901); empty for the whole of it."
    )
    parameter: str | None = Field(default=None, description="Which parameter or header.")
    location: Literal["query", "path", "header"] | None = Field(
        default=None, serialization_alias="in", description="Where the parameter was given."
    )
    detail: str = Field(description="What is wrong with it and what is allowed.")


EXAMPLE: JsonDict = {
    "type": "/problems/invalid-parameter",
    "title": "Invalid parameter",
    "status": 422,
    "detail": "A parameter in the query or the path breaks a rule. Nothing has been done.",
    "instance": "/executions",
    "request_id": "8f3c-1",
    "errors": [{"parameter": "limit", "in": "query", "detail": "Input should be less than or equal to 200"}],
}


class Problem(BaseModel):
    """What went wrong, for people and programs."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    type: str = Field(description="Which type of problem: a relative reference to its description.")
    title: str = Field(description="The type in a few words.")
    status: int = Field(description="The HTTP status, again.")
    detail: str = Field(description="What was wrong with this request, and what to do.")
    instance: str = Field(description="The path of the request.")
    request_id: str = Field(description="The id of the request, as in `X-Request-Id`.")
    holder: str | None = Field(default=None, description="Of `target-busy`: the path of the execution to wait for.")
    errors: list[ProblemError] | None = Field(
        default=None, description="Each value that breaks a rule, in the order of the input; at most 100."
    )
