"""Labels and counts in words."""

from __future__ import annotations

from collections.abc import Sequence

from model.contract import DamageType, GradeInterval


def grade_text(grade: GradeInterval | None) -> str:
    """A grade label in words."""
    if grade is None:
        return "grade unknown"
    if grade.exact:
        return grade.exact.replace("_", " ")
    return f"{grade.best} to {grade.worst}".replace("_", " ")


def damages_text(types: Sequence[DamageType]) -> str:
    """Damage types in words."""
    return ", ".join(kind.replace("_", " ") for kind in types)


def counted(count: int, noun: str) -> str:
    """A count with its noun: 1 picture, 2 pictures."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
