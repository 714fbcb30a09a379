"""`GET /health`: whether the service lives, and what it depends on works."""

import logging
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from api.auth import public
from api.parameters import NO_QUERY
from api.services import HealthCheck, ServicesOf

router = APIRouter(tags=["service"])
logger = logging.getLogger(__name__)
Outcome = Literal["ok", "failed"]
DEGRADED = 503


class Health(BaseModel):
    """The service's state; why a check failed is in its log."""

    status: Literal["ok", "degraded"]
    checks: dict[str, Outcome]


@router.get(
    "/health",
    dependencies=[NO_QUERY],
    responses={DEGRADED: {"model": Health, "description": "Something that it depends on does not work."}},
)
@public
def get_health(services: ServicesOf, response: Response) -> Health:
    """Whether the service and what it depends on work."""
    checks = {name: _outcome(name, check) for name, check in services.checks.items()}
    if "failed" in checks.values():
        response.status_code = DEGRADED
        return Health(status="degraded", checks=checks)
    return Health(status="ok", checks=checks)


def _outcome(name: str, check: HealthCheck) -> Outcome:
    try:
        reason = check()
    except Exception:  # whatever broke it, the check has failed and the answer must say so
        logger.warning("health check %s raised", name, exc_info=True)
        return "failed"
    if reason is not None:
        logger.warning("health check %s failed: %s", name, reason)
        return "failed"
    return "ok"
