"""The page of the models: who grades, how they compare, who changed what."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from inference.models.comparison import compared
from inference.pages.contexts import ModelsPage
from inference.pages.render import page
from inference.services import Parts
from inference.store import Store

router = APIRouter(include_in_schema=False)
_CHANGES = 50


@router.get("/models")
async def models(parts: Parts) -> HTMLResponse:
    """Roles, comparison, registry and history."""
    served = parts.models
    return page(
        ModelsPage(
            nav="models",
            roles=served.roles,
            comparison=await compared(served, parts.store),
            bundles=await served.entries(),
            changes=tuple(await parts.store.read(Store.model_changes, limit=_CHANGES)),
        )
    )
