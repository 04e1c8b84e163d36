"""What the routes that take pictures share: the caller's terms, and limits before the body."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Query, Request

from inference.access.middleware import address_of
from inference.access.people import Principal
from inference.errors import ErrorCode
from inference.grading import Graded, GradingService
from inference.scheduling import Deadline, Priority, Terms
from inference.services import Services
from inference.settings import UploadLimits
from inference.uploads import Intake, Submission
from inference.uploads.intake import Upload, too_large

T = TypeVar("T")
#: Reads a form: its Content-Type, its bytes, where they count, and until when they are of use.
Reader = Callable[[str | None, AsyncIterator[bytes], Intake, Upload, Deadline], Awaitable[T]]

FORM_CODES = (
    ErrorCode.MALFORMED_MULTIPART,
    ErrorCode.MALFORMED_JSON,
    ErrorCode.CROSS_SITE_REQUEST,
    ErrorCode.UPLOAD_TOO_SLOW,
    ErrorCode.BODY_TOO_LARGE,
    ErrorCode.WRONG_CONTENT_TYPE,
    ErrorCode.MISSING_FIELD,
    ErrorCode.UNEXPECTED_FIELD,
    ErrorCode.INVALID_FIELD,
    ErrorCode.WRONG_IMAGE_COUNT,
    ErrorCode.OVERLOADED,
    ErrorCode.DEADLINE_MISSED,
)
ITEM_CODES = (
    ErrorCode.CAPTURE_CONFLICT,
    ErrorCode.IMAGE_EMPTY,
    ErrorCode.IMAGE_NOT_RECOGNISED,
    ErrorCode.IMAGE_TRUNCATED,
    ErrorCode.IMAGE_TOO_LARGE,
    ErrorCode.IMAGE_TOO_SMALL,
    ErrorCode.IMAGE_UNSUPPORTED,
    ErrorCode.STORE_UNAVAILABLE,
)
IMAGES_SCHEMA: dict[str, Any] = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "string", "contentMediaType": "image/*"},
}


async def _terms(
    x_deadline_ms: Annotated[
        int | None,
        Header(
            ge=1,
            le=600_000,
            description="Time budget from the start of the request. When it cannot be met the "
            "reply is 503 as soon as that is known, and the item belongs in its default lane.",
        ),
    ] = None,
    x_priority: Annotated[
        Priority,
        Header(
            description="Who goes first; under overload `low` is refused first and `high` last."
        ),
    ] = Priority.NORMAL,
) -> Terms:
    return Terms(Deadline.after_ms(x_deadline_ms), x_priority)


CallersTerms = Annotated[Terms, Depends(_terms)]
Explain = Annotated[
    bool,
    Query(description="Also give heat maps: where each type of damage is seen on each picture."),
]


def check_declared_length(request: Request, limits: UploadLimits) -> None:
    """Refuse before the body is read, and where the client waits for that, before it is sent.

    Raises:
        ApiError: The body says that it is over the limit.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limits.max_body_bytes:
        raise too_large(limits)


@asynccontextmanager
async def form_of(
    request: Request, parts: Services, terms: Terms, read: Reader[T]
) -> AsyncIterator[T]:
    """What a form asks to be graded; its bytes count until the end of the block.

    Raises:
        ApiError: It cannot be graded in time, or is not such a form, over a limit or too slow.
    """
    check_declared_length(request, parts.settings.upload)
    parts.grading.check(terms)
    with parts.intake.upload() as upload:
        yield await read(
            request.headers.get("content-type"),
            request.stream(),
            parts.intake,
            upload,
            terms.deadline,
        )


async def require_own_captures(
    request: Request, caller: Principal, parts: Services, submissions: Sequence[Submission]
) -> None:
    """Let the key of a line take no capture id of another line, whose items it would shut out.

    Raises:
        ApiError: It does.
    """
    ids = (each.capture_id for each in submissions)
    await parts.gate.require_own_ids(caller, ids, address_of(request.scope), "capture_id")


async def answer_of(
    grading: GradingService, graded: Graded, submission: Submission, terms: Terms, *, explain: bool
) -> str:
    """JSON of an ``ExplainedVerdict``."""
    verdict = graded.verdict.model_dump_json()
    if not explain:
        return verdict
    explanation = await grading.explain(graded, submission, terms)
    return f'{verdict[:-1]},"explanation":{explanation.model_dump_json()}}}'
