"""The changes of models that the page offers, and what each would change: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from inference.models import names
from inference.models.records import Challenger, ChangeKind, Roles
from inference.models.roles import RoleChange, challenged, differences, promoted, shadowed, told
from model.contract import ModelRef

_FIRST_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Offer:
    """One change, as a button asks for it."""

    verb: str
    """Address under ``/v1/models``."""
    label: str
    title: str
    hint: str
    """What it means, in a sentence."""
    kind: ChangeKind
    """Of the row that it leaves in the history."""
    model: ModelRef | None
    """Of that row."""
    body: Mapping[str, Any]
    """Of the request, beside reason and ``seen_seq``."""
    changes: tuple[RoleChange, ...]
    share: float | None = None
    """What the field for it begins with; None: there is none."""

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """Each change as role, before and after."""
        return [(each.role, each.before, each.after) for each in self.changes]


@dataclass(frozen=True, slots=True)
class Offers:
    """All that can be changed now."""

    roll_back: Offer | None = None
    end_challenger: Offer | None = None
    end_shadow: Offer | None = None
    of_models: Mapping[ModelRef, tuple[Offer, ...]] = field(default_factory=dict)


def offers_of(roles: Roles, before: ModelRef | None, models: Iterable[ModelRef]) -> Offers:
    """What can be changed.

    Args:
        roles: Who does what.
        before: The champion that a rollback brings back, None: there was none.
        models: What the registry has.
    """
    return Offers(
        roll_back=_roll_back(roles, before) if before is not None else None,
        end_challenger=_end_challenger(roles) if roles.challenger else None,
        end_shadow=_stop_shadow(roles) if roles.shadow else None,
        of_models={model: _of(roles, model) for model in models if model != roles.champion},
    )


def _of(roles: Roles, model: ModelRef) -> tuple[Offer, ...]:
    found = (_promote(roles, model), _challenge(roles, model))
    return found if model == roles.shadow else (*found, _shadow(roles, model))


def _promote(roles: Roles, model: ModelRef) -> Offer:
    return Offer(
        verb="promote",
        label="Promote",
        title=f"Promote {names.shown(model)}",
        hint="It grades every item from then on. The champion of now can be rolled back to.",
        kind=ChangeKind.PROMOTED,
        model=model,
        body={"model": model.model_dump()},
        changes=differences(roles, promoted(roles, model)),
    )


def _roll_back(roles: Roles, model: ModelRef) -> Offer:
    return Offer(
        verb="rollback",
        label="Roll back",
        title=f"Roll back to {names.shown(model)}",
        hint="The champion before this one grades again.",
        kind=ChangeKind.ROLLED_BACK,
        model=model,
        body={},
        changes=differences(roles, promoted(roles, model)),
    )


def _challenge(roles: Roles, model: ModelRef) -> Offer:
    now = roles.challenger
    same = now is not None and now.model == model
    share = now.share if now is not None and same else _FIRST_SHARE
    challenger = Challenger(model=model, share=share)
    after = challenged(roles, challenger)
    role = "challenger"
    label = "Change share" if same else "Challenge"
    return Offer(
        verb="challenge",
        label=label,
        title=f"{label} {'of' if same else 'with'} {names.shown(model)}",
        hint="It grades, and acts, in the champion's place for a share of the items.",
        kind=ChangeKind.CHALLENGED,
        model=model,
        body={"challenger": challenger.model_dump()},
        changes=(RoleChange(role, told(roles)[role], told(after)[role]),),
        share=share,
    )


def _end_challenger(roles: Roles) -> Offer:
    return Offer(
        verb="challenge",
        label="End",
        title=f"End the challenger {told(roles)['challenger']}",
        hint="The champion grades its items too.",
        kind=ChangeKind.CHALLENGED,
        model=None,
        body={"challenger": None},
        changes=differences(roles, challenged(roles, None)),
    )


def _shadow(roles: Roles, model: ModelRef) -> Offer:
    return Offer(
        verb="shadow",
        label="Shadow",
        title=f"Shadow with {names.shown(model)}",
        hint="It grades along when nothing else is to be done; nothing follows from it.",
        kind=ChangeKind.SHADOWED,
        model=model,
        body={"model": model.model_dump()},
        changes=differences(roles, shadowed(roles, model)),
    )


def _stop_shadow(roles: Roles) -> Offer:
    return Offer(
        verb="shadow",
        label="Stop",
        title=f"Stop the shadow {told(roles)['shadow']}",
        hint="What it said so far stays on record.",
        kind=ChangeKind.SHADOWED,
        model=None,
        body={"model": None},
        changes=differences(roles, shadowed(roles, None)),
    )
