"""Map tiles, at the addresses that tile caches name. The service has them on a server of its own."""

from fastapi import APIRouter
from fastapi.responses import Response

from datapump.embedded.data_api.errors import ApiError
from datapump.embedded.data_api.routes.shared import DatasetPath, TheService, VersionPath
from datapump.errors import DataError, NotFoundError

router = APIRouter()


@router.get("/tiles/{dataset}/{version}/{implementation}/{z}/{x}/{y}.png")
def get_tile(  # noqa: PLR0913, PLR0917 - FastAPI injects each
    service: TheService, dataset: DatasetPath, version: VersionPath, implementation: str, z: int, x: int, y: int
) -> Response:
    """A map tile that was drawn. There is none where no pixel has data, and none of levels that are not static."""
    uri = f"s3://{service.settings.tile_cache_bucket}/{dataset}/{version}/{implementation}/{z}/{x}/{y}.png"
    try:
        return Response(service.objects.get(uri), media_type="image/png")
    except (NotFoundError, DataError):
        raise ApiError(404, "Tile not found") from None
