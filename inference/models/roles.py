"""Who does what, and what changes it: pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inference.models import names
from inference.models.records import Challenger, Change, ChangeKind, Roles
from model.contract import ModelRef

_HASH_BYTES = 8
_HASHES = 1 << 8 * _HASH_BYTES


class RoleError(Exception):
    """A change that makes no sense as the roles stand; the message says why."""


@dataclass(frozen=True, slots=True)
class RoleChange:
    """One role that another model has from now on, in words."""

    role: str
    before: str
    """``NAME/VERSION``, or ``none``."""
    after: str

    def __str__(self) -> str:
        """As a record has it."""
        return f"{self.role} {self.before} to {self.after}"


def differences(before: Roles, after: Roles) -> tuple[RoleChange, ...]:
    """The roles that are not as they were."""
    there, here = told(before), told(after)
    return tuple(
        RoleChange(role, there[role], here[role]) for role in there if there[role] != here[role]
    )


def told(roles: Roles) -> dict[str, str]:
    """Who has each role, in words."""
    challenger = roles.challenger
    return {
        "champion": names.shown(roles.champion),
        "challenger": f"{names.shown(challenger.model)} for {100 * challenger.share:.4g} %"
        if challenger
        else "none",
        "shadow": names.shown(roles.shadow) if roles.shadow else "none",
    }


def meets_challenger(item_id: str, share: float) -> bool:
    """Whether an item is one of the challenger's.

    A function of nothing else, so that every view and recapture of an item meets the same model. Who is
    in a share is also in each larger one.
    """
    digest = hashlib.sha256(item_id.encode()).digest()[:_HASH_BYTES]
    return int.from_bytes(digest, "big") / _HASHES < share


def promoted(roles: Roles, model: ModelRef) -> Roles:
    """The model is champion, and has no other role."""
    return Roles(
        champion=model,
        challenger=roles.challenger
        if roles.challenger and roles.challenger.model != model
        else None,
        shadow=roles.shadow if roles.shadow != model else None,
    )


def challenged(roles: Roles, challenger: Challenger | None) -> Roles:
    """The champion has this challenger.

    Raises:
        RoleError: It is the champion itself.
    """
    if challenger is not None and challenger.model == roles.champion:
        raise RoleError("it is the champion; a challenger is another model")
    return roles.model_copy(update={"challenger": challenger})


def shadowed(roles: Roles, shadow: ModelRef | None) -> Roles:
    """The shadow is this one.

    Raises:
        RoleError: It is the champion itself.
    """
    if shadow == roles.champion:
        raise RoleError("it is the champion; a shadow is another model")
    return roles.model_copy(update={"shadow": shadow})


def without(roles: Roles, model: ModelRef) -> Roles:
    """The model challenges and shadows nobody."""
    return promoted(roles, model).model_copy(update={"champion": roles.champion})


def champion_before(changes: Iterable[Change]) -> ModelRef | None:
    """The champion that a rollback brings back: the one before the newest that was not rolled back.

    Args:
        changes: Oldest first; those of the champion matter.
    """
    served: list[ModelRef] = []
    for change in changes:
        if change.after is None or change.problem is not None:
            continue
        if change.kind is ChangeKind.ROLLED_BACK:
            served.pop()
        elif not served or served[-1] != change.after.champion:
            served.append(change.after.champion)
    return served[-2] if len(served) > 1 else None


def still_needed(changes: Sequence[Change]) -> list[ModelRef]:
    """Models that a server may have to load: those with a role, and what a rollback brings back.

    Args:
        changes: All, oldest first.
    """
    roles = changes[-1].after if changes else None
    if roles is None:
        return []
    challenger = roles.challenger.model if roles.challenger else None
    found = (roles.champion, challenger, roles.shadow, champion_before(changes))
    return [model for model in dict.fromkeys(found) if model is not None]
