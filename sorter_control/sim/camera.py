"""The simulated camera station: pictures of what the PLC had photographed, over HTTP."""

from __future__ import annotations

import mimetypes
from collections import OrderedDict
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from sorter_control.sim.feed import FeedRow

KEPT = 500


class CameraStation:
    """The newest captures, by tracking id."""

    def __init__(self) -> None:
        self._captures: OrderedDict[int, FeedRow] = OrderedDict()

    def photograph(self, tid: int, row: FeedRow) -> None:
        """Keep what stood under the camera when the PLC triggered it for ``tid``."""
        self._captures[tid] = row
        while len(self._captures) > KEPT:
            self._captures.popitem(last=False)

    def app(self) -> Starlette:
        """The HTTP face."""
        return Starlette(
            routes=[
                Route("/captures/{tid:int}", self._capture),
                Route("/captures/{tid:int}/{name}", self._picture),
            ],
            exception_handlers={HTTPException: _error},
        )

    async def _capture(self, request: Request) -> Response:
        tid = int(request.path_params["tid"])
        row = self._row(tid)
        pictures = [
            f"/captures/{tid}/{number}{path.suffix}" for number, path in enumerate(row.pictures)
        ]
        return JSONResponse({"tid": tid, "item_id": row.item_id, "pictures": pictures})

    async def _picture(self, request: Request) -> Response:
        row = self._row(int(request.path_params["tid"]))
        number = str(request.path_params["name"]).partition(".")[0]
        if not number.isdecimal() or int(number) >= len(row.pictures):
            raise HTTPException(HTTPStatus.NOT_FOUND, "this capture has no such picture")
        path = row.pictures[int(number)]
        return FileResponse(path, media_type=mimetypes.guess_type(path.name)[0])

    def _row(self, tid: int) -> FeedRow:
        row = self._captures.get(tid)
        if row is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no capture of {tid} (yet)")
        return row


async def _error(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = HTTPStatus(status).name.lower()
    body = {"error": {"code": code, "message": str(error), "field": None}}
    return JSONResponse(body, status)
