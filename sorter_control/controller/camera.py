"""The camera station's client."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from model.contract import Identifier
from sorter_control.errors import CameraError

_ASK_AGAIN_S = 0.05


class _Listing(BaseModel):
    """What ``GET /captures/{tid}`` answers."""

    model_config = ConfigDict(frozen=True)

    tid: int
    item_id: Identifier | None
    pictures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture as the camera gave it."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Capture:
    """What the camera saw of one item."""

    item_id: str | None
    pictures: tuple[str, ...]


class Camera:
    """Asks a camera station for captures.

    Args:
        client: With the station's base URL.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def capture(self, tid: int) -> Capture:
        """The capture of an item, waiting until the item has come to the camera.

        Waits for as long as the caller lets it; a station that is away is asked again too.

        Raises:
            CameraError: The station answers something else than a capture.
        """
        while True:
            reply = await self._get(f"/captures/{tid}")
            if reply is not None and reply.status_code == HTTPStatus.OK:
                break
            await asyncio.sleep(_ASK_AGAIN_S)
        try:
            listing = _Listing.model_validate_json(reply.content)
        except ValidationError as error:
            raise CameraError(
                f"the camera's answer for item {tid} is no capture: {error}"
            ) from error
        if listing.tid != tid or not listing.pictures:
            raise CameraError(f"the camera's answer for item {tid} has no pictures of it")
        return Capture(listing.item_id, listing.pictures)

    async def picture(self, path: str) -> Picture:
        """One picture of a capture.

        Raises:
            CameraError: The station does not give it.
        """
        reply = await self._get(path)
        if reply is None or reply.status_code != HTTPStatus.OK:
            raise CameraError(f"the camera does not give {path}")
        media_type = reply.headers.get("content-type", "application/octet-stream")
        return Picture(path.rsplit("/", 1)[-1], media_type, reply.content)

    async def _get(self, path: str) -> httpx.Response | None:
        try:
            return await self._client.get(path)
        except httpx.HTTPError:
            return None
