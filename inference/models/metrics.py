"""Figures of the models' lives, in the server's registry."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from inference.models.records import Change, Roles
from model.contract import ModelRef


class ModelMetrics:
    """Who serves, what changed, and how the shadow keeps up."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._roles = Gauge(
            "regrade_model_info",
            "1 for each model that has a role now.",
            ["role", "name", "version"],
            registry=registry,
        )
        self.changes = Counter(
            "regrade_model_changes",
            "Changes of models, by kind and whether they were done or refused.",
            ["kind", "outcome"],
            registry=registry,
        )
        self.shadow = Counter(
            "regrade_shadow_captures",
            "Captures for the shadow: graded, dropped because too many waited, failed, or repeated.",
            ["outcome"],
            registry=registry,
        )
        self.shadow_waiting = Gauge(
            "regrade_shadow_waiting", "Captures that wait for the shadow.", registry=registry
        )

    def show_roles(self, roles: Roles) -> None:
        """Exactly these are shown."""
        self._roles.clear()
        challenger = roles.challenger.model if roles.challenger else None
        for role, model in (
            ("champion", roles.champion),
            ("challenger", challenger),
            ("shadow", roles.shadow),
        ):
            self._show(role, model)

    def count(self, change: Change) -> None:
        """One more."""
        outcome = "done" if change.problem is None else "refused"
        self.changes.labels(change.kind.value, outcome).inc()

    def _show(self, role: str, model: ModelRef | None) -> None:
        if model is not None:
            self._roles.labels(role, model.name, model.version).set(1)
