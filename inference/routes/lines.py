"""Lines: their newest snapshot, and the stream that the live page watches."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse

from inference.errors import ApiError, ErrorCode
from inference.lines import LineBoard
from inference.records import LineInfo
from inference.replies import errors
from inference.services import LineId, Parts
from model.contract import LineState

router = APIRouter(prefix="/v1/lines", tags=["lines"])
_HEARTBEAT_S = 10.0


@router.get("", summary="List the lines that report", responses=errors())
async def list_lines(parts: Parts) -> list[LineInfo]:
    """Lines that have reported since the server started."""
    return parts.board.lines()


@router.put(
    "/{line_id}/state",
    summary="Report a line's state",
    status_code=204,
    response_class=Response,
    responses=errors(
        ErrorCode.MALFORMED_JSON,
        ErrorCode.CROSS_SITE_REQUEST,
        ErrorCode.BODY_TOO_LARGE,
        ErrorCode.WRONG_CONTENT_TYPE,
        ErrorCode.MISSING_FIELD,
        ErrorCode.INVALID_FIELD,
        ErrorCode.TOO_MANY_LINES,
    ),
)
async def put_state(line_id: LineId, state: LineState, parts: Parts) -> None:
    """Take a snapshot of the whole line; several a second are welcome. Kept in memory only."""
    if state.line_id != line_id:
        raise ApiError(
            ErrorCode.INVALID_FIELD,
            f"line_id is {state.line_id} in the body and {line_id} in the address",
            field="line_id",
        )
    parts.board.put(state)


@router.get(
    "/{line_id}/state",
    summary="A line's newest state",
    responses=errors(ErrorCode.UNKNOWN_LINE, ErrorCode.INVALID_FIELD),
)
async def get_state(line_id: LineId, parts: Parts) -> LineState:
    """The newest snapshot; `at` says when the line took it."""
    return parts.board.state(line_id)


@router.get(
    "/{line_id}/events",
    summary="Watch a line",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events; the data of each is a LineState.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **errors(ErrorCode.UNKNOWN_LINE, ErrorCode.INVALID_FIELD),
    },
)
async def watch(line_id: LineId, parts: Parts) -> StreamingResponse:
    """Snapshots as they come in, the newest at once. A slow reader misses some, and never lags."""
    parts.board.state(line_id)
    return StreamingResponse(
        _events(parts.board, line_id),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(board: LineBoard, line_id: str) -> AsyncIterator[str]:
    signal = board.signal(line_id)
    sent = ""
    while not signal.closed:
        ticket = signal.ticket()
        text = board.text(line_id)
        if text is not sent:
            sent = text
            yield f"data: {text}\n\n"
        else:
            yield ": still here\n\n"
        await signal.wait(ticket, _HEARTBEAT_S)
