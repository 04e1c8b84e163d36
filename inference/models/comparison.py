"""Reads what the store has of the models that have a role, and scores it."""

from __future__ import annotations

from inference.models import names
from inference.models.registry import UnknownBundleError
from inference.models.scores import Comparison, Confusion, Score, ShadowComparison
from inference.models.service import ModelService
from inference.store import Store
from inference.threads import StoreThreads
from model.contract import ModelRef

Costs = tuple[tuple[float, ...], ...]


async def compared(models: ModelService, store: StoreThreads) -> Comparison:
    """The models of the moment."""
    roles = models.roles
    costs = await _costs(models)
    champion = await _score(store, roles.champion, costs)
    challenger = roles.challenger
    return Comparison(
        champion=champion,
        challenger=await _score(store, challenger.model, costs) if challenger else None,
        shadow=await _beside(store, roles.shadow, roles.champion, costs) if roles.shadow else None,
    )


async def _score(store: StoreThreads, model: ModelRef, costs: Costs | None) -> Score:
    return Score.of_answers(model, await store.read(Store.answers_of, model), costs)


async def _beside(
    store: StoreThreads, shadow: ModelRef, champion: ModelRef, costs: Costs | None
) -> ShadowComparison:
    captures = await store.read(Store.shadow_confusion, shadow, champion)
    ours, theirs, pairs = await store.read(Store.shadow_answers, shadow, champion)
    return ShadowComparison.of_pairs(
        Confusion.of_captures(captures),
        Score.of_answers(champion, theirs, costs),
        Score.of_answers(shadow, ours, costs),
        pairs,
    )


async def _costs(models: ModelService) -> Costs | None:
    bundle, _ = names.split(models.roles.champion)
    try:
        manifest = (await models.entry(bundle)).manifest
    except UnknownBundleError:
        return None
    return manifest.thresholds.costs
