"""``POST /v1/grade``: pictures of one item in, a stored verdict out."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from inference.access.middleware import Caller
from inference.grading.heatmaps import ExplainedVerdict
from inference.replies import errors
from inference.services import Parts
from inference.submitted import (
    FORM_CODES,
    IMAGES_SCHEMA,
    ITEM_CODES,
    CallersTerms,
    Explain,
    answer_of,
    form_of,
    require_own_captures,
)
from inference.uploads import read_submission

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
                            **IMAGES_SCHEMA,
                            "maxItems": 8,
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
    response_model=ExplainedVerdict,
    response_model_exclude_unset=True,
    responses=errors(*FORM_CODES, *ITEM_CODES),
    openapi_extra=_BODY,
)
async def grade(
    request: Request,
    caller: Caller,
    parts: Parts,
    terms: CallersTerms,
    explain: Explain = False,  # noqa: FBT002 - a query parameter
) -> Response:
    """Grade 1 to 8 pictures of one returned item, and store the verdict before answering.

    The verdict has the grade of least expected cost, calibrated probabilities, a prediction set,
    damaged places with boxes, and whether a person should look, with the reasons.
    """
    async with form_of(request, parts, terms, read_submission) as submission:
        await require_own_captures(request, caller, parts, [submission])
        graded = await parts.grading.grade(submission, terms)
        text = await answer_of(parts.grading, graded, submission, terms, explain=explain)
    return Response(text, media_type="application/json")
