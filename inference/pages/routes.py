"""Addresses of the pages. They are not part of the API's reference."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel

from inference.errors import ApiError
from inference.lines import Steerable
from inference.pages.contexts import (
    DocsPage,
    Ended,
    ErrorPage,
    ItemPage,
    LinePage,
    LogPart,
    RecentPart,
    ReviewPage,
    ReviewPart,
    bars,
    findings,
    timeline,
    views,
)
from inference.pages.reference import operations, schemas
from inference.pages.render import page
from inference.records import Deletion, ItemRecord
from inference.routes.items import read_item
from inference.services import ItemId, LineFilter, Parts, Services
from inference.store import Store
from model.contract import GRADES, Identifier

router = APIRouter(include_in_schema=False)

Viewer = Annotated[Identifier, Query()]
ItemIds = Annotated[list[Identifier], Query(max_length=100)]
LineQuery = Annotated[Identifier, Query()]
_RECENT = 12
_LOGGED = 50
_QUEUE_PAGE = 50


class Urgent(BaseModel):
    """An item on a belt that waits for an answer."""

    item_id: str
    left_s: float


class QueueState(BaseModel):
    """What the review page asks for every other second."""

    in_review: int
    urgent: list[Urgent]


@router.get("/")
async def home() -> RedirectResponse:
    """The live belt is the first page."""
    return RedirectResponse("/line", status_code=307)


@router.get("/line")
async def line(parts: Parts, line_id: LineFilter = None) -> HTMLResponse:
    """The live belt."""
    known = tuple(each.line_id for each in parts.board.lines())
    shown = line_id or (known[0] if known else None)
    return page(LinePage(nav="line", line_id=shown, line_ids=known))


@router.get("/line/recent")
async def recent(parts: Parts, line_id: LineFilter = None) -> HTMLResponse:
    """Newest outcomes, for the live page to put in place."""
    ended = await parts.store.read(Store.newest_outcomes, line_id=line_id, limit=_RECENT)
    pictures = await parts.store.read(
        Store.pictures_of, [each.item_id for each in ended if each.item_id]
    )
    gone = await _deleted(parts, pictures.values())
    rows = tuple(
        Ended(each, None if image in gone else image)
        for each in ended
        for image in [pictures.get(each.item_id or "")]
    )
    return page(RecentPart(rows, await parts.store.read(Store.summary, line_id)))


@router.get("/line/log")
async def log(parts: Parts, line_id: LineQuery) -> HTMLResponse:
    """What people commanded a line to do, and its alarms, for the live page to show."""
    commands = await parts.store.read(Store.newest_commands, line_id, limit=_LOGGED)
    alarms = await parts.store.read(Store.newest_alarms, line_id, limit=_LOGGED)
    return page(LogPart(tuple(commands), tuple(alarms)))


@router.get("/review")
async def review() -> HTMLResponse:
    """The review desk."""
    return page(ReviewPage(nav="review", grades=GRADES))


@router.get("/review/next")
async def review_next(
    parts: Parts,
    viewer: Viewer,
    passed: ItemIds = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """The next item for a viewer: what can still be steered first, then the oldest; 204: none."""
    urgent = await _urgent(parts)
    taken = parts.desk.take(viewer, [each.item_id for each in urgent if each.item_id not in passed])
    after = 0
    while taken is None:
        waiting = await parts.store.read(Store.review_queue, limit=_QUEUE_PAGE, after=after)
        if not waiting:
            return Response(status_code=204)
        after = waiting[-1].seq
        taken = parts.desk.take(
            viewer, [each.item_id for each in waiting if each.item_id not in passed]
        )
    return page(await _review_part(parts, await read_item(parts, taken), urgent))


@router.get("/review/items/{item_id}")
async def review_one(item_id: ItemId, parts: Parts, viewer: Viewer) -> Response:
    """One item, answered or not: for undo, and for links from other pages; 204: never graded."""
    record = await read_item(parts, item_id)
    if not record.gradings:
        return Response(status_code=204)
    parts.desk.take(viewer, [item_id])
    return page(await _review_part(parts, record, await _urgent(parts)))


@router.get("/review/state")
async def review_state(
    parts: Parts,
    viewer: Viewer,
    holding: ItemIds = [],  # noqa: B006 - FastAPI copies it
) -> QueueState:
    """How much waits; keeps the items that the viewer holds from others."""
    parts.desk.renew(viewer, holding)
    urgent = [Urgent(item_id=e.item_id, left_s=e.left_s) for e in await _urgent(parts)]
    return QueueState(in_review=await parts.store.read(Store.count_in_review), urgent=urgent)


@router.get("/items/{item_id}")
async def item(item_id: ItemId, parts: Parts) -> HTMLResponse:
    """One item and its history."""
    try:
        record = await read_item(parts, item_id)
    except ApiError as error:
        shown = ErrorPage(nav="", status=error.kind.status, message=error.message)
        return page(shown, status=error.kind.status)
    newest = record.gradings[0] if record.gradings else None
    return page(
        ItemPage(
            nav="",
            record=record,
            views=views(newest, await _deleted(parts, newest.images)) if newest else (),
            findings=findings(newest) if newest else (),
            bars=bars(newest) if newest else (),
            moments=timeline(record),
        )
    )


@router.get("/docs")
async def docs(request: Request, parts: Parts) -> HTMLResponse:
    """The API's reference, rendered here: lines have no internet."""
    document = request.app.openapi()
    all_operations = operations(document)
    groups = tuple(
        (
            tag["name"],
            tag["description"],
            tuple(each for each in all_operations if each.tag == tag["name"]),
        )
        for tag in document["tags"]
    )
    info = document["info"]
    return page(
        DocsPage(
            nav="docs",
            title=info["title"],
            version=info["version"],
            nobody=not parts.gate.knows(request.scope),
            intro=info["description"],
            groups=groups,
            schemas=schemas(document),
        )
    )


async def _urgent(parts: Services) -> list[Steerable]:
    """Items on a belt that still wait for an answer, the most urgent first."""
    steerable = parts.board.steerable()
    if not steerable:
        return []
    waiting = await parts.store.read(Store.waiting_among, [each.item_id for each in steerable])
    return [each for each in steerable if each.item_id in waiting]


async def _deleted(parts: Services, images: Iterable[str]) -> dict[str, Deletion]:
    """Those of the pictures that are not there, and why."""
    absent = await asyncio.to_thread(
        lambda: [image for image in images if not parts.pictures.has(image)]
    )
    return await parts.store.read(Store.deletions_of, absent) if absent else {}


async def _review_part(parts: Services, record: ItemRecord, urgent: list[Steerable]) -> ReviewPart:
    verdict = record.gradings[0]
    newest = record.overrides[0] if record.overrides else None
    steer = next((each for each in urgent if each.item_id == record.item_id), None)
    return ReviewPart(
        record=record,
        verdict=verdict,
        views=views(verdict, await _deleted(parts, verdict.images)),
        findings=findings(verdict),
        bars=bars(verdict),
        answer=newest if newest and newest.grade else None,
        line_id=steer.line_id if steer else None,
        left_s=steer.left_s if steer else 0.0,
    )
