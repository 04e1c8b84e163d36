"""Items, people's answers about them, and where they went."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Query, Request

from inference.access.middleware import Caller, address_of
from inference.access.signing import signer
from inference.errors import ApiError, ErrorCode
from inference.records import (
    ItemPage,
    ItemRecord,
    ItemStatus,
    OutcomeReport,
    OutcomesReply,
    OverrideRequest,
    Summary,
)
from inference.replies import errors
from inference.services import ItemId, LineFilter, Parts, Services
from inference.store import (
    AnsweredAlreadyError,
    OtherLinesError,
    OverrideConflictError,
    Store,
    UnknownItemError,
)
from model.contract import Outcome, Override

router = APIRouter(prefix="/v1")

_READ = (ErrorCode.INVALID_FIELD, ErrorCode.STORE_UNAVAILABLE)
_WRITE = (
    *_READ,
    ErrorCode.MALFORMED_JSON,
    ErrorCode.CROSS_SITE_REQUEST,
    ErrorCode.BODY_TOO_LARGE,
    ErrorCode.WRONG_CONTENT_TYPE,
    ErrorCode.MISSING_FIELD,
    ErrorCode.UNEXPECTED_FIELD,
)


async def read_item(parts: Services, item_id: str) -> ItemRecord:
    """One item.

    Raises:
        ApiError: Nothing is known of it.
    """
    try:
        return await parts.store.read(Store.item, item_id)
    except UnknownItemError as error:
        raise _unknown(item_id) from error


@router.get(
    "/items/{item_id}",
    tags=["items"],
    summary="Everything about one item",
    responses=errors(ErrorCode.UNKNOWN_ITEM, *_READ),
)
async def get_item(item_id: ItemId, parts: Parts) -> ItemRecord:
    """Facts, gradings, answers and outcomes, newest first, and the state that follows from them."""
    return await read_item(parts, item_id)


@router.get("/items", tags=["items"], summary="List items", responses=errors(*_READ))
async def list_items(
    parts: Parts,
    status: Annotated[
        Literal["review", "all"], Query(description="`review`: only those that wait for a person.")
    ] = "all",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[
        int | None, Query(ge=0, le=2**62, description="`next_before` of the page before.")
    ] = None,
) -> ItemPage:
    """Items, newest first, a page at a time."""
    wanted = ItemStatus.REVIEW if status == "review" else None
    found = await parts.store.read(Store.newest_items, status=wanted, limit=limit, before=before)
    return ItemPage(items=tuple(found), next_before=found[-1].seq if len(found) == limit else None)


@router.post(
    "/items/{item_id}/overrides",
    tags=["overrides"],
    summary="Answer for a person",
    status_code=201,
    responses=errors(
        ErrorCode.UNKNOWN_ITEM,
        ErrorCode.OVERRIDE_CONFLICT,
        ErrorCode.ANSWERED_ALREADY,
        *_WRITE,
    ),
)
async def add_override(
    item_id: ItemId, request: OverrideRequest, caller: Caller, parts: Parts
) -> Override:
    """Record what a person says the grade is; the newest answer holds over the model.

    Sending the same answer again (same `override_id`) gives the stored one and adds nothing. While
    the item can still be steered, its line sends it to the lane that the answer asks for.
    """
    signed = request.model_copy(update={"operator": signer(caller, request.operator)})
    try:
        stored = await parts.store.write(Store.add_override, item_id, signed)
    except UnknownItemError as error:
        raise _unknown(item_id) from error
    except OverrideConflictError as error:
        raise ApiError(
            ErrorCode.OVERRIDE_CONFLICT,
            f"override_id {request.override_id} was used for another answer; use a new one",
            field="override_id",
        ) from error
    except AnsweredAlreadyError as error:
        newest = error.newest
        said = f"said {newest.grade.value}" if newest.grade else "withdrew an answer"
        raise ApiError(
            ErrorCode.ANSWERED_ALREADY,
            f"{newest.operator} {said} at {newest.created_at:%H:%M:%S} UTC; read the item, then "
            f"send seen_seq={newest.seq} to answer all the same",
            field="seen_seq",
        ) from error
    parts.answered.notify()
    parts.metrics.overrides.labels("withdrawn" if request.grade is None else request.grade).inc()
    return stored


@router.get(
    "/overrides",
    tags=["overrides"],
    summary="Follow people's answers",
    responses=errors(*_READ),
)
async def follow_overrides(
    parts: Parts,
    after: Annotated[int, Query(ge=0, le=2**62, description="Highest `seq` already read.")] = 0,
    wait_s: Annotated[
        float, Query(ge=0, le=25, description="How long to wait where there is none yet.")
    ] = 0,
) -> list[Override]:
    """Answers with a higher `seq`, oldest first, at most 500; an empty list when none came in time."""
    end_s = time.monotonic() + wait_s
    while True:
        ticket = parts.answered.ticket()
        found = await parts.store.read(Store.overrides_after, after)
        left_s = end_s - time.monotonic()
        if found or left_s <= 0 or parts.answered.closed:
            return found
        await parts.answered.wait(ticket, left_s)


@router.post(
    "/outcomes",
    tags=["outcomes"],
    summary="Report where items went",
    responses=errors(*_WRITE),
)
async def add_outcomes(
    request: Request,
    reported: Annotated[list[OutcomeReport], Body(min_length=1, max_length=500)],
    caller: Caller,
    parts: Parts,
) -> OutcomesReply:
    """Store 1 to 500 outcomes; one whose `outcome_id` is known already is left as it was."""
    address, ids = address_of(request.scope), [each.outcome_id for each in reported]
    for line_id in {each.line_id for each in reported}:
        await parts.gate.require_line(caller, line_id, address, f"an outcome of {line_id}")
    await parts.gate.require_own_ids(caller, ids, address, "outcome_id")
    try:
        accepted = await parts.store.write(Store.add_outcomes, reported, caller.line_id)
    except OtherLinesError as error:
        what = f"outcome_id {error.report_id}"
        raise await parts.gate.other_line(
            caller, error.line_id, address, what, "outcome_id"
        ) from error
    return OutcomesReply(accepted=accepted, repeated=len(reported) - accepted)


@router.get("/outcomes", tags=["outcomes"], summary="Newest outcomes", responses=errors(*_READ))
async def list_outcomes(
    parts: Parts,
    line_id: LineFilter = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[Outcome]:
    """Outcomes as they came in, newest first."""
    return await parts.store.read(Store.newest_outcomes, line_id=line_id, limit=limit)


@router.get("/summary", tags=["outcomes"], summary="Counts", responses=errors(*_READ))
async def summary(parts: Parts, line_id: LineFilter = None) -> Summary:
    """Outcomes by lane, ending and rule, and how many items were graded, wait, or were answered."""
    return await parts.store.read(Store.summary, line_id)


def _unknown(item_id: str) -> ApiError:
    return ApiError(ErrorCode.UNKNOWN_ITEM, f"nothing is known of item {item_id}", field="item_id")
