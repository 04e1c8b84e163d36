"""Damage as the pages tell it: by type, and one label for each type on a picture."""

from __future__ import annotations

from inference.pages.contexts import findings, views
from model.contract import Box, Damage, DamageType
from tests.inference.inference_factories import assessment, verdict

PICTURES = ("0" * 64, "1" * 64)


def place(kind: DamageType, probability: float, view: int = 0) -> Damage:
    box = Box(x_min=0.1, y_min=0.1, x_max=0.2, y_max=0.2)
    return Damage(type=kind, probability=probability, view=view, box=box)


GRADED = verdict(
    of=assessment(
        views=2,
        damages=(
            place(DamageType.SCRATCH, 0.5),
            place(DamageType.SCRATCH, 0.7),
            place(DamageType.SCRATCH, 0.6, view=1),
            place(DamageType.DENT, 0.9),
        ),
    ),
    images=PICTURES,
)


def test_damage_is_told_by_type_and_the_surest_type_first() -> None:
    told = [(each.type, each.probability, each.places, each.views) for each in findings(GRADED)]
    assert told == [
        (DamageType.DENT, 0.9, 1, (1,)),
        (DamageType.SCRATCH, 0.7, 3, (1, 2)),
    ]


def test_only_the_surest_place_of_a_type_bears_its_name_on_a_picture() -> None:
    first, second = views(GRADED, {})
    assert [(each.number, each.damage.probability, each.named) for each in first.marks] == [
        (1, 0.9, True),
        (2, 0.7, True),
        (2, 0.5, False),
    ]
    assert [(each.number, each.named) for each in second.marks] == [(2, True)]


def test_a_picture_without_damage_has_no_mark() -> None:
    (view,) = views(verdict(), {})
    assert view.marks == ()
    assert findings(verdict()) == ()
