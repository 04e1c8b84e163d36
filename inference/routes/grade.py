"""``POST /v1/grade``: pictures of one item in, a stored verdict out."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request

from inference.errors import ApiError, ErrorCode
from inference.grading import Deadline
from inference.routes.errors import errors
from inference.services import Parts
from inference.uploads import read_submission
from model.contract import Verdict

router = APIRouter(prefix="/v1", tags=["grading"])

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["item", "capture_id", "images"],
                    "additionalProperties": False,
                    "properties": {
                        "item": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "contentSchema": {"$ref": "#/components/schemas/ItemFacts"},
                            "description": "ItemFacts as JSON; only `item_id` is required.",
                            "example": '{"item_id": "R-1042", "sku": "BOX-7", "category": "parcel"}',
                        },
                        "capture_id": {
                            "type": "string",
                            "description": "Yours, one per capture. Sending a request again with "
                            "the same id is safe: it gives the same verdict and stores nothing.",
                            "example": "line1-000123",
                        },
                        "images": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": 8,
                            "items": {"type": "string", "contentMediaType": "image/*"},
                            "description": "1 to 8 views of the item: JPEG, PNG or WebP; the "
                            "field is repeated for each.",
                        },
                    },
                }
            }
        },
    }
}


@router.post(
    "/grade",
    summary="Grade one item",
    response_model=Verdict,
    responses=errors(
        ErrorCode.MALFORMED_MULTIPART,
        ErrorCode.MALFORMED_JSON,
        ErrorCode.CROSS_SITE_REQUEST,
        ErrorCode.UPLOAD_TOO_SLOW,
        ErrorCode.CAPTURE_CONFLICT,
        ErrorCode.BODY_TOO_LARGE,
        ErrorCode.WRONG_CONTENT_TYPE,
        ErrorCode.MISSING_FIELD,
        ErrorCode.UNEXPECTED_FIELD,
        ErrorCode.INVALID_FIELD,
        ErrorCode.WRONG_IMAGE_COUNT,
        ErrorCode.IMAGE_EMPTY,
        ErrorCode.IMAGE_NOT_RECOGNISED,
        ErrorCode.IMAGE_TRUNCATED,
        ErrorCode.IMAGE_TOO_LARGE,
        ErrorCode.IMAGE_TOO_SMALL,
        ErrorCode.IMAGE_UNSUPPORTED,
        ErrorCode.OVERLOADED,
        ErrorCode.DEADLINE_MISSED,
        ErrorCode.STORE_UNAVAILABLE,
    ),
    openapi_extra=_BODY,
)
async def grade(
    request: Request,
    parts: Parts,
    x_deadline_ms: Annotated[
        int | None,
        Header(
            ge=1,
            le=600_000,
            description="Time budget from the start of the request. When it cannot be met the "
            "reply is 503 at that moment, and the item belongs in its default lane.",
        ),
    ] = None,
) -> Verdict:
    """Grade 1 to 8 pictures of one returned item, and store the verdict before answering.

    The verdict has the grade of least expected cost, calibrated probabilities, a prediction set,
    damaged places with boxes, and whether a person should look, with the reasons.
    """
    limits = parts.settings.upload
    deadline = Deadline.after_ms(x_deadline_ms)
    with parts.grading.admitted(deadline):
        _check_declared_length(request, limits.max_body_bytes)
        submission = await read_submission(
            request.headers.get("content-type"), request.stream(), limits
        )
        return await parts.grading.grade(submission, deadline)


def _check_declared_length(request: Request, limit: int) -> None:
    """Refuse before the body is sent, where the client waits for that."""
    declared = request.headers.get("content-length", "")
    asks_first = request.headers.get("expect", "").lower() == "100-continue"
    if asks_first and declared.isdecimal() and int(declared) > limit:
        raise ApiError(
            ErrorCode.BODY_TOO_LARGE, f"the body is over {limit:,} bytes; send smaller pictures"
        )
