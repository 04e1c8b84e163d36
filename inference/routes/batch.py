"""``POST /v1/grade/batch``: pictures of several items in, a verdict or an error for each out."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from inference.access.middleware import Caller
from inference.errors import ERRORS, ApiError, ErrorCode, ErrorDetail, StoreUnavailableError
from inference.grading.heatmaps import ExplainedVerdict
from inference.replies import errors
from inference.scheduling import Terms
from inference.services import Parts, Services
from inference.submitted import (
    FORM_CODES,
    IMAGES_SCHEMA,
    CallersTerms,
    Explain,
    answer_of,
    form_of,
    require_own_captures,
)
from inference.uploads import Submission, read_batch
from model.contract import Identifier

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1", tags=["grading"])

_EXAMPLE = (
    '[{"capture_id": "dock3-0001", "item": {"item_id": "R-1042"}, "images": ["a.jpg", "b.jpg"]}, '
    '{"capture_id": "dock3-0002", "item": {"item_id": "R-1043"}, "images": ["c.jpg"]}]'
)
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["batch", "images"],
                    "additionalProperties": False,
                    "properties": {
                        "batch": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "description": "1 to 64 items as a JSON list: `capture_id`, `item` "
                            "(ItemFacts) and `images`, the file names of its 1 to 8 pictures.",
                            "example": _EXAMPLE,
                        },
                        "images": {
                            **IMAGES_SCHEMA,
                            "description": "The pictures of all items, each with a file name of "
                            "its own.",
                        },
                    },
                }
            }
        },
    }
}


class BatchError(ErrorDetail):
    """Why one item has no verdict: what ``POST /v1/grade`` would have answered."""

    status: int = Field(description="The status that it would have had.")
    retry_after_s: int | None = Field(
        description="Seconds after which a repeat makes sense; null: it does not."
    )


class BatchResult(BaseModel):
    """What became of one item: exactly one of ``verdict`` and ``error`` is there."""

    model_config = ConfigDict(frozen=True)

    capture_id: Identifier
    verdict: ExplainedVerdict | None = None
    error: BatchError | None = None


class BatchReply(BaseModel):
    """One result for each item, in the order of the request."""

    model_config = ConfigDict(frozen=True)

    results: tuple[BatchResult, ...]


@router.post(
    "/grade/batch",
    summary="Grade several items",
    response_model=BatchReply,
    response_model_exclude_unset=True,
    responses=errors(*FORM_CODES),
    openapi_extra=_BODY,
)
async def grade_batch(
    request: Request,
    caller: Caller,
    parts: Parts,
    terms: CallersTerms,
    explain: Explain = False,  # noqa: FBT002 - a query parameter
) -> Response:
    """Grade 1 to 64 items by their own pictures, each as ``POST /v1/grade`` would.

    Every item has its own capture id, its own verdict or error, and its own row in the store: a
    repeat of the batch, or of some of its items in another one, gives the same verdicts. Items take
    their places in the queue a few at a time, so that a batch does not keep others out.
    """
    async with form_of(request, parts, terms, read_batch) as batch:
        await require_own_captures(request, caller, parts, batch)
        parts.metrics.batch_items.observe(len(batch))
        places = asyncio.Semaphore(parts.settings.capacity.grade_threads)
        results = await asyncio.gather(
            *(_result(parts, each, terms, places, explain=explain) for each in batch)
        )
    return Response(f'{{"results":[{",".join(results)}]}}', media_type="application/json")


async def _result(
    parts: Services,
    submission: Submission,
    terms: Terms,
    places: asyncio.Semaphore,
    *,
    explain: bool,
) -> str:
    """JSON of a ``BatchResult``."""
    begin = f'{{"capture_id":"{submission.capture_id}",'
    try:
        async with places:
            graded = await parts.grading.grade(submission, terms)
            verdict = await answer_of(parts.grading, graded, submission, terms, explain=explain)
    except (ApiError, StoreUnavailableError) as error:
        return f'{begin}"error":{_error(error).model_dump_json()}}}'
    except Exception:
        log.exception("batch_item_failed")
        fault = ApiError(ErrorCode.INTERNAL_ERROR, ERRORS[ErrorCode.INTERNAL_ERROR].meaning)
        return f'{begin}"error":{_error(fault).model_dump_json()}}}'
    return f'{begin}"verdict":{verdict}}}'


def _error(error: ApiError | StoreUnavailableError) -> BatchError:
    if isinstance(error, StoreUnavailableError):
        error = ApiError(ErrorCode.STORE_UNAVAILABLE, "the server cannot store this item now")
    kind = error.kind
    return BatchError(
        code=error.code,
        message=error.message,
        field=error.field,
        status=kind.status,
        retry_after_s=error.retry_after_s if kind.retry else None,
    )
