"""From damages to the grade: the table of docs/rendering.md, in line with docs/rubric.md."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from model.contract import DamageType, Grade


class Product(StrEnum):
    """Kinds of goods that the generator makes; the value is the manifest's category."""

    PARCEL = "parcel"
    DEVICE = "device"


_BOX = (DamageType.DENT, DamageType.TEAR, DamageType.STAIN, DamageType.SCRATCH)
_SHELL = (DamageType.SCRATCH, DamageType.CRACK, DamageType.STAIN)

APPLICABLE: dict[Product, tuple[DamageType, ...]] = {
    Product.PARCEL: _BOX,
    Product.DEVICE: _SHELL,
}
"""Damage types that the generator can make on each product."""

MODERATE = 0.35
"""Severity from which a damage counts as moderate."""
HEAVY = 0.7
"""Severity from which a damage counts as heavy."""

_L, _R, _S = Grade.LIGHTLY_USED, Grade.REPAIRABLE, Grade.SALVAGE
GRADE_OF: dict[DamageType, tuple[Grade, Grade, Grade]] = {
    DamageType.SCRATCH: (_L, _L, _R),
    DamageType.STAIN: (_L, _L, _R),
    DamageType.DENT: (_L, _R, _R),
    DamageType.TEAR: (_L, _R, _S),
    DamageType.CRACK: (_R, _R, _S),
}
"""Grade that one light, moderate or heavy damage of a type leads to."""


def grade_of(damages: Iterable[tuple[DamageType, float]]) -> Grade:
    """Grade of an item with these (type, severity) damages.

    The worst single damage decides; two that each need repair are not worth it: salvage.
    """
    single = [_grade_of_one(kind, severity) for kind, severity in damages]
    worst = max(single, key=lambda grade: grade.rank, default=Grade.NEW)
    if single.count(Grade.REPAIRABLE) >= 2:
        return Grade.SALVAGE
    return worst


def _grade_of_one(kind: DamageType, severity: float) -> Grade:
    return GRADE_OF[kind][(severity >= MODERATE) + (severity >= HEAVY)]
