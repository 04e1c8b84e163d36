"""Who does what, as pure functions."""

from __future__ import annotations

import pytest

from inference.models import names
from inference.models.records import Challenger, Change, ChangeKind, Roles
from inference.models.roles import (
    RoleError,
    challenged,
    champion_before,
    meets_challenger,
    promoted,
    shadowed,
    without,
)
from model.contract import ModelRef, Precision
from tests.inference.inference_factories import NOON

A, B, C = (ModelRef(name="tiny", version=each) for each in "123")


def test_the_share_of_items_is_the_share_asked_for() -> None:
    items = [f"R-{number}" for number in range(20_000)]
    for share in (0.01, 0.1, 0.5):
        met = sum(meets_challenger(item, share) for item in items)
        assert abs(met / len(items) - share) < 0.012, share


def test_an_item_meets_the_same_model_everywhere_and_stays_in_a_larger_share() -> None:
    assert [meets_challenger(f"R-{number}", 0.3) for number in range(12)] == [
        number in {0, 3, 4, 9, 10, 11} for number in range(12)
    ], "another hash would change who meets whom in the middle of a comparison"
    for number in range(500):
        if meets_challenger(f"R-{number}", 0.1):
            assert meets_challenger(f"R-{number}", 0.2)


def test_a_promoted_model_has_no_other_role() -> None:
    roles = Roles(champion=A, challenger=Challenger(model=B, share=0.1), shadow=C)
    assert promoted(roles, B) == Roles(champion=B, shadow=C)
    assert promoted(roles, C) == Roles(champion=C, challenger=roles.challenger)
    assert without(roles, B) == Roles(champion=A, shadow=C)
    assert without(roles, C) == Roles(champion=A, challenger=roles.challenger)


def test_the_champion_challenges_and_shadows_nobody() -> None:
    roles = Roles(champion=A)
    with pytest.raises(RoleError):
        challenged(roles, Challenger(model=A, share=0.1))
    with pytest.raises(RoleError):
        shadowed(roles, A)
    assert shadowed(challenged(roles, None), None) == roles


def change(kind: ChangeKind, champion: ModelRef) -> Change:
    return Change(
        seq=1,
        at=NOON,
        kind=kind,
        model=champion,
        actor="Eva",
        before=None,
        after=Roles(champion=champion),
    )


@pytest.mark.parametrize(
    ("steps", "before"),
    [
        ("", None),
        ("+A", None),
        ("+A +A", None),
        ("+A +B", A),
        ("+A +B -A", None),
        ("+A +B +C -B", A),
        ("+A +B +C -B -A", None),
        ("+A +B -A +C", A),
        ("+A +B +A", B),
    ],
)
def test_a_rollback_goes_back_one_champion_at_a_time(steps: str, before: ModelRef | None) -> None:
    models = {"A": A, "B": B, "C": C}
    kinds = {"+": ChangeKind.PROMOTED, "-": ChangeKind.ROLLED_BACK}
    changes = [change(kinds[step[0]], models[step[1]]) for step in steps.split()]
    assert champion_before(changes) == before


def test_names_are_read_as_they_are_shown() -> None:
    int8 = names.parse("returns/2026.11+int8")
    assert names.split(int8) == (ModelRef(name="returns", version="2026.11"), Precision.INT8)
    assert names.shown(int8) == "returns/2026.11+int8"
    for wrong in ("returns", "../x/1", "returns/..", "returns/1/2", "/1", "returns/", "a b/1"):
        with pytest.raises(ValueError, match="NAME/VERSION"):
            names.parse(wrong)
    assert names.tuned_version("3.t1", 2) == "3.t2"
    assert [names.number(each) for each in ("2026.11-2", "main")] == ["2026112", "0"]
