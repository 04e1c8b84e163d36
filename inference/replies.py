"""Turns every fault into the one JSON shape, and says so in OpenAPI."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from inference.errors import (
    ANYWHERE,
    ERRORS,
    ApiError,
    ErrorCode,
    ErrorReply,
    StoreUnavailableError,
)
from inference.headers import SAFE_HEADERS
from inference.schemas import add_schema, reference_to
from inference.v2 import errors as v2

log = structlog.get_logger(__name__)
_BY_STATUS = {
    400: ErrorCode.MALFORMED_JSON,
    404: ErrorCode.NOT_FOUND,
    405: ErrorCode.METHOD_NOT_ALLOWED,
    408: ErrorCode.UPLOAD_TOO_SLOW,
    413: ErrorCode.BODY_TOO_LARGE,
}
_BY_TYPE = {
    "json_invalid": ErrorCode.MALFORMED_JSON,
    "missing": ErrorCode.MISSING_FIELD,
    "extra_forbidden": ErrorCode.UNEXPECTED_FIELD,
}


def errors(*codes: ErrorCode) -> dict[int | str, dict[str, Any]]:
    """OpenAPI ``responses`` of a route that may answer with these codes."""
    by_status: dict[int | str, list[ErrorCode]] = defaultdict(list)
    for code in dict.fromkeys((*codes, *ANYWHERE)):
        by_status[ERRORS[code].status].append(code)
    return {status: _response(together) for status, together in sorted(by_status.items(), key=str)}


def _response(codes: list[ErrorCode]) -> dict[str, Any]:
    examples = {
        code.value: {
            "summary": ERRORS[code].meaning,
            "value": {"error": {"code": code.value, "message": "…", "field": None}},
        }
        for code in codes
    }
    response: dict[str, Any] = {
        "description": " ".join(f"`{code.value}`: {ERRORS[code].meaning}" for code in codes),
        # Not `model`: for that, FastAPI would make a validator for each status of each address.
        "content": {"application/json": {"schema": reference_to(ErrorReply), "examples": examples}},
    }
    if any(ERRORS[code].retry for code in codes):
        response["headers"] = {
            "Retry-After": {
                "description": "Seconds after which to try again.",
                "schema": {"type": "integer"},
            }
        }
    return response


def complete(document: dict[str, Any]) -> None:
    """Add the schema of errors to an OpenAPI document."""
    add_schema(document, ErrorReply)


def answer(request: Request, error: ApiError) -> Response:
    """The reply for an error; the metrics count its code."""
    request.state.error_code = error.code.value
    headers = {"Retry-After": str(error.retry_after_s)} if error.kind.retry else None
    if v2.is_v2(request.url.path):
        return JSONResponse(v2.body_of(error), v2.status_of(error.code), headers=headers)
    return JSONResponse(
        error.reply().model_dump(mode="json"), status_code=error.kind.status, headers=headers
    )


def install(app: FastAPI) -> None:
    """Handle every exception that a route can raise."""
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(StoreUnavailableError, _store_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _disconnected)
    app.add_exception_handler(Exception, _unforeseen)


async def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - Starlette calls by class
    return answer(request, error)


async def _store_error(request: Request, error: Exception) -> Response:
    return unavailable(request, error)


def unavailable(request: Request, error: Exception) -> Response:
    """The reply where the store does not work."""
    log.error("store_unavailable", path=request.url.path, error=str(error))
    return answer(
        request,
        ApiError(
            ErrorCode.STORE_UNAVAILABLE,
            "the server cannot store or read now; its log and /health/ready say why",
        ),
    )


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    code = _BY_TYPE.get(first["type"], ErrorCode.INVALID_FIELD)
    if first["loc"] == ("body",) and not _is_json(request):
        return answer(
            request,
            ApiError(
                ErrorCode.WRONG_CONTENT_TYPE,
                "send the body as application/json",
                field="Content-Type",
            ),
        )
    field = ".".join(place[1:])[:200] or place[0]
    return answer(request, ApiError(code, f"{field}: {first['msg']}", field=field))


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").split(";")[0].strip().endswith("json")


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    code = _BY_STATUS.get(error.status_code, ErrorCode.INTERNAL_ERROR)
    reply = answer(request, ApiError(code, ERRORS[code].meaning))
    for name, value in (error.headers or {}).items():
        reply.headers[name] = value
    return reply


async def _disconnected(request: Request, _error: Exception) -> Response:
    """Nobody reads this reply; it ends the request without a fault in the log."""
    request.state.error_code = "client_disconnected"
    return Response(status_code=400)


async def _unforeseen(request: Request, _error: Exception) -> Response:
    # Starlette raises the exception again after this reply, and uvicorn logs it once. It is made
    # outside of every middleware.
    reply = answer(
        request, ApiError(ErrorCode.INTERNAL_ERROR, ERRORS[ErrorCode.INTERNAL_ERROR].meaning)
    )
    reply.headers.update(SAFE_HEADERS)
    return reply


def error_table() -> str:
    """The codes as a Markdown table, as docs/api.md has it."""
    rows = [
        f"| `{code.value}` | {kind.status} | {kind.meaning} |"
        for code, kind in sorted(ERRORS.items(), key=lambda entry: (entry[1].status, entry[0]))
    ]
    return "\n".join(["| code | status | when, and what to do |", "|---|---|---|", *rows])
