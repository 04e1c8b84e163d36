"""The page of the models: who grades, how they compare, who changed what."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from inference.access.middleware import Caller
from inference.access.roles import CHANGERS
from inference.models.comparison import compared
from inference.models.roles import champion_before
from inference.pages.contexts import ModelsPage
from inference.pages.offers import offers_of
from inference.pages.render import page
from inference.services import Parts
from inference.store import Store

router = APIRouter(include_in_schema=False)
_CHANGES = 50


@router.get("/models")
async def models(parts: Parts, caller: Caller) -> HTMLResponse:
    """Roles, comparison, registry and history, and for who may change them, how."""
    served = parts.models
    # First: what is done after it was read is no change that the page's reader has seen.
    changes = await parts.store.read(Store.model_changes, limit=_CHANGES)
    bundles = await served.entries()
    roles = served.roles
    offers = None
    if caller.role in CHANGERS:
        before = champion_before(await parts.store.read(Store.champion_changes))
        offers = offers_of(roles, before, (model for each in bundles for model in each.models))
    return page(
        ModelsPage(
            nav="models",
            roles=roles,
            comparison=await compared(served, parts.store),
            bundles=bundles,
            changes=tuple(changes),
            offers=offers,
            changers=tuple(sorted(CHANGERS)),
        )
    )
