"""Which tables hold what happened. The rest follows from them, or says who may come in."""

from __future__ import annotations

from typing import Final

from inference.access.tables import audit
from inference.store.model_tables import model_changes, shadow_gradings
from inference.store.tables import (
    alarms,
    command_results,
    commands,
    deletions,
    gradings,
    holds,
    outcomes,
    overrides,
)

#: A trigger refuses every change of a row in them. Each has a column ``seq``.
FACTS: Final = (
    gradings,
    overrides,
    outcomes,
    holds,
    deletions,
    commands,
    command_results,
    alarms,
    model_changes,
    shadow_gradings,
    audit,
)
