"""Labels in words, and what two of them have in common."""

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


def overlap(one: GradeInterval, other: GradeInterval) -> bool:
    """Whether some grade is in both."""
    return max(one.best.rank, other.best.rank) <= min(one.worst.rank, other.worst.rank)
