"""Is it alive, can it work, how is it doing."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, Field

from inference.replies import errors
from inference.services import Parts
from inference.store import Store
from model.contract import ModelRef

router = APIRouter(tags=["health"])


class Live(BaseModel):
    """The process answers."""

    status: Literal["live"] = "live"


class Readiness(BaseModel):
    """Whether the server can grade and store now."""

    ready: bool
    model: ModelRef = Field(description="The bundle; its golden answers held at the last look.")
    problems: tuple[str, ...] = Field(description="What is wrong; empty when ready.")


@router.get("/health/live", summary="Does the process answer", responses=errors())
async def live() -> Live:
    """Always 200: a process that does not answer this should be restarted."""
    return Live()


@router.get(
    "/health/ready",
    summary="Can it grade and store",
    responses={
        503: {"model": Readiness, "description": "Not now; `problems` says why."},
        **errors(),
    },
)
async def ready(parts: Parts, response: Response) -> Readiness:
    """200 when the next item can be graded and stored, else 503 with what is wrong.

    The model's golden answers are checked before the server starts to listen and every minute from
    then on; database and picture directory are written to, at most once a second.
    """
    found = await parts.readiness.problems()
    response.status_code = 503 if found else 200
    return Readiness(ready=not found, model=parts.grader.model, problems=found)


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={
        200: {"description": "Prometheus text format.", "content": {"text/plain": {}}},
        **errors(),
    },
)
async def metrics(parts: Parts) -> Response:
    """Requests, latency by stage, queue and sheds, store, model, lines, review, and the process."""
    parts.metrics.in_review.set(await parts.store.read(Store.count_in_review))
    parts.line_metrics.ended = await parts.store.read(Store.ended)
    return Response(parts.metrics.render(), media_type="text/plain; version=0.0.4")
