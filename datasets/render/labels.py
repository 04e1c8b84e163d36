"""What one picture of an item lets one say: labels are of the picture, the truth is the item's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.render.grades import APPLICABLE, grade_of
from datasets.render.spec import ItemSpec
from model.contract import DamageType, GradeInterval

COVERED = 0.5
"""A pixel belongs to a damage that fills at least this share of it."""
VISIBLE_SHARE = 1e-4
"""A damage shows in a picture when its pixels are at least this share of the picture."""


@dataclass(frozen=True)
class ViewLabel:
    """Labels of one picture.

    Attributes:
        visible: Indices of the item's damages that show.
        absent: Types that the product can have and of which not a trace is in the picture.
        grade: From what the visible damages lead to, to the item's grade.
        complete: No damage is in the picture that is too small to be called visible.
    """

    visible: tuple[int, ...]
    present: tuple[DamageType, ...]
    absent: tuple[DamageType, ...]
    grade: GradeInterval
    complete: bool


def label(item: ItemSpec, coverage: NDArray[np.float32]) -> ViewLabel:
    """Labels of the picture whose pixels show damage i as far as coverage (H, W, >= damages) says."""
    pixels = coverage.shape[0] * coverage.shape[1]
    covered = (coverage >= COVERED).sum((0, 1))
    trace = coverage.max((0, 1)) > 0
    every = range(len(item.damages))
    visible = tuple(i for i in every if covered[i] >= max(1.0, VISIBLE_SHARE * pixels))
    traced = {item.damages[i].type for i in every if trace[i]}
    shown = {item.damages[i].type for i in visible}
    possible = APPLICABLE[item.product]
    return ViewLabel(
        visible=visible,
        present=tuple(kind for kind in possible if kind in shown),
        absent=tuple(kind for kind in possible if kind not in traced),
        grade=GradeInterval(
            best=grade_of((item.damages[i].type, item.damages[i].severity) for i in visible),
            worst=grade_of((damage.type, damage.severity) for damage in item.damages),
        ),
        complete=all(i in visible for i in every if trace[i]),
    )
