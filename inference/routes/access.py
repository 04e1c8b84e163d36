"""Who calls, and what was done: ``/v1/me`` and ``/v1/audit``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from inference.access import audit
from inference.access.audit import ActEnd, AuditPage
from inference.access.middleware import Caller
from inference.access.people import Means
from inference.access.roles import Role
from inference.errors import ErrorCode
from inference.replies import errors
from inference.services import Parts, Services

router = APIRouter(prefix="/v1", tags=["access"])
Before = Annotated[
    int | None, Query(ge=0, le=2**62, description="`next_before` of the page before.")
]


class Me(BaseModel):
    """Who calls."""

    name: str
    role: Role
    means: Means = Field(description="`key`, `session`, or `open`: nobody asked.")
    csrf_token: str | None = Field(
        description="What each change by a session must bring in `X-CSRF-Token`; null for others."
    )
    line_id: str | None = Field(
        description="The only line that the key may speak for; null: any that its role allows."
    )


@router.get("/me", summary="Who calls", responses=errors())
async def me(caller: Caller) -> Me:
    """Name and role of the key or the session; what is written goes on record under this name."""
    return Me(
        name=caller.name,
        role=caller.role,
        means=caller.means,
        csrf_token=caller.csrf_token,
        line_id=caller.line_id,
    )


@router.get("/audit", summary="Who did what", responses=errors(ErrorCode.INVALID_FIELD))
async def list_audit(
    parts: Parts, limit: Annotated[int, Query(ge=1, le=500)] = 50, before: Before = None
) -> AuditPage:
    """Privileged acts, log-ins and refused acts, newest first, a page at a time."""
    return await read_audit(parts, limit, before)


async def read_audit(parts: Services, limit: int, before: int | None) -> AuditPage:
    """A page of the audit log."""
    under_way = set(parts.gate.under_way)  # whatever ends while the log is read
    found = await parts.store.read(audit.newest, limit=limit, before=before)
    under_way |= parts.gate.under_way
    entries = (
        each.model_copy(update={"end": ActEnd.UNDER_WAY})
        if each.end is ActEnd.MISSING and each.act_id in under_way
        else each
        for each in found
    )
    return AuditPage(
        entries=tuple(entries), next_before=found[-1].seq if len(found) == limit else None
    )
