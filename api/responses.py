"""What the contract says of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from api.problem_types import ProblemType

PROBLEM_SCHEMA = {"$ref": "#/components/schemas/Problem"}
# Under this key a response names its types of problem.
TYPES_KEY = "x-problem-types"
Responses = dict[int | str, dict[str, Any]]


def problems(*types: ProblemType) -> Responses:
    """What a route declares about the problems that it can answer; types of one status become one response."""
    responses: Responses = {}
    for status in sorted({problem_type.status for problem_type in types}):
        same = [problem_type for problem_type in types if problem_type.status == status]
        responses[status] = {
            "description": "\n\n".join(f"`{problem_type.uri}`: {problem_type.meaning}" for problem_type in same),
            "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}},
            TYPES_KEY: [problem_type.name for problem_type in same],
        }
    return responses


def header(description: str, example: str) -> dict[str, Any]:
    """A response header object."""
    return {"description": description, "schema": {"type": "string"}, "example": example}


def paged(path: str) -> dict[str, Any]:
    """What a list's route declares of its answer."""
    example = f'<{path}?cursor=bmV4dA>; rel="next"'
    return {"description": "A page.", "headers": {"Link": header("With rel=next: the next page, if any.", example)}}
