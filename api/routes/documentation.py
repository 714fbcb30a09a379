"""The API about itself: the contract, and what each type of problem means."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from api import problem_types
from api.auth import public
from api.bodies import JSON
from api.parameters import NO_QUERY
from api.problem_types import BY_NAME
from api.responses import problems
from datapump.errors import NotFoundError

router = APIRouter(tags=["documentation"], dependencies=[NO_QUERY])


@router.get("/openapi.json", response_class=JSONResponse, response_model=dict[str, Any])
@public
async def get_openapi(request: Request) -> Response:
    """This contract (OpenAPI 3.1)."""
    return Response(request.app.contract, media_type=JSON)


@router.get("/problems/{name}", response_class=PlainTextResponse, responses=problems(problem_types.NOT_FOUND))
@public
async def get_problem_type(
    name: Annotated[str, Path(description="The last part of a problem's `type`.", examples=["invalid-input"])],
) -> str:
    """What a type of problem means, and what to do about it, in words."""
    problem_type = BY_NAME.get(name)
    if problem_type is None:
        raise NotFoundError(f"there is no type of problem {name!r}; there are {', '.join(sorted(BY_NAME))}")
    return (
        f"{problem_type.title}\n{problem_type.uri}, HTTP status {problem_type.status}\n\n"
        f"{problem_type.meaning}\n\n{problem_type.remedy}\n"
    )
