"""Pictures by their SHA-256."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import Response

from inference.errors import ApiError, ErrorCode
from inference.replies import errors
from inference.services import Parts, Services
from inference.store import Store

router = APIRouter(prefix="/v1/images", tags=["images"])
Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="Hex SHA-256 of the file.")]
#: Pictures never change, but a browser must not outdo the retention policy by much.
_ONE_DAY = {"Cache-Control": "private, max-age=86400, immutable"}
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture.", "content": {"image/*": {}}},
    **errors(
        ErrorCode.UNKNOWN_IMAGE,
        ErrorCode.IMAGE_DELETED,
        ErrorCode.INVALID_FIELD,
        ErrorCode.STORE_UNAVAILABLE,
    ),
}


@router.get(
    "/{sha256}", summary="A picture as it was sent", response_class=Response, responses=_PICTURE
)
async def picture(sha256: Sha256, parts: Parts) -> Response:
    """The bytes that were graded."""
    found = await asyncio.to_thread(parts.pictures.read, sha256)
    if found is None:
        raise await _absent(parts, sha256)
    data, media_type = found
    return Response(data, media_type=media_type, headers=_ONE_DAY)


@router.get(
    "/{sha256}/thumbnail",
    summary="A small copy of a picture",
    response_class=Response,
    responses=_PICTURE,
)
async def thumbnail(sha256: Sha256, parts: Parts) -> Response:
    """An upright JPEG of at most 240 pixels a side."""
    data = await asyncio.to_thread(parts.pictures.thumbnail, sha256)
    if data is None:
        raise await _absent(parts, sha256)
    return Response(data, media_type="image/jpeg", headers=_ONE_DAY)


async def _absent(parts: Services, sha256: str) -> ApiError:
    deletion = (await parts.store.read(Store.deletions_of, [sha256])).get(sha256)
    if deletion is None:
        return ApiError(ErrorCode.UNKNOWN_IMAGE, f"there is no picture {sha256}", field="sha256")
    return ApiError(
        ErrorCode.IMAGE_DELETED,
        f"deleted by the retention policy on {deletion.deleted_at:%Y-%m-%d}: {deletion.reason}",
        field="sha256",
    )
