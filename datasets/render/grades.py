"""From damages to the grade: the table of docs/rendering.md, in line with docs/rubric.md."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from model.contract import DamageType, Grade


class Product(StrEnum):
    """Kinds of goods that the generator makes; the value is the manifest's category."""

    PARCEL = "parcel"
    RETAIL_BOX = "retail_box"
    MAILER = "mailer"
    DEVICE = "device"
    PHONE = "phone"
    BOTTLE = "bottle"
    JAR = "jar"
    TOY = "toy"
    APPLIANCE = "appliance"


_D = DamageType
_BOX = (_D.DENT, _D.CRUSH, _D.TEAR, _D.PUNCTURE, _D.STAIN, _D.SCRATCH, _D.OPENED)
_SHELL = (_D.SCRATCH, _D.CRACK, _D.STAIN, _D.MISSING_PART)

APPLICABLE: dict[Product, tuple[DamageType, ...]] = {
    Product.PARCEL: _BOX,
    Product.RETAIL_BOX: _BOX,
    Product.MAILER: (_D.TEAR, _D.PUNCTURE, _D.STAIN, _D.OPENED),
    Product.DEVICE: _SHELL,
    Product.PHONE: (_D.SCRATCH, _D.CRACK, _D.STAIN),
    Product.BOTTLE: (_D.DENT, _D.CRUSH, _D.SCRATCH, _D.STAIN, _D.MISSING_PART),
    Product.JAR: (_D.CRACK, _D.STAIN, _D.MISSING_PART),
    Product.TOY: _SHELL,
    Product.APPLIANCE: (_D.DENT, _D.SCRATCH, _D.STAIN, _D.MISSING_PART),
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
    DamageType.CRUSH: (_L, _R, _S),
    DamageType.PUNCTURE: (_L, _R, _S),
    DamageType.OPENED: (_L, _R, _R),
    DamageType.MISSING_PART: (_R, _R, _S),
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
