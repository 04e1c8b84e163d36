"""Graded items and columns without a network."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datasets.manifest import LabelledPicture, Region
from model.contract import (
    GRADES,
    Assessment,
    Box,
    Damage,
    DamageType,
    Grade,
    GradeInterval,
    Manifest,
    ReviewReason,
    ViewQuality,
)
from model.contract.bundle import (
    Calibration,
)
from tests.model.manifests import COSTS, thresholds, tiny_manifest
from training.evaluation.bootstrap import Resampling
from training.evaluation.columns import Columns
from training.evaluation.graded import Graded
from training.evaluation.measures import Stakes
from training.examples import Example

STAKES = Stakes(np.array(COSTS), review_cost=1.0)
HOW = Resampling(resamples=200)
BAR = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.5), (0.25, 0.5))
"""A region over rows 2, 3 and columns 2 to 5 of a map of 8 by 8."""


def bundle_manifest() -> Manifest:
    return tiny_manifest(
        calibration=Calibration(grade_temperature=1.5, damage_temperature=1.0),
        thresholds=thresholds(
            max_unfamiliarity=1.0, damage={DamageType.DENT: 0.5, DamageType.TEAR: 0.5}
        ),
        files={"model.onnx": "ab" * 32},
    )


def columns(
    best: Sequence[int],
    decided: Sequence[int],
    *,
    worst: Sequence[int] | None = None,
    source: Sequence[str] | None = None,
    group: Sequence[str] | None = None,
    probabilities: Any = None,
    in_set: Any = None,
    review: Sequence[bool] | None = None,
    expected_cost: Sequence[float] | None = None,
) -> Columns:
    """N items with what a test leaves out filled in: sure of what they decide, two damage types."""
    n = len(best)
    sure = np.eye(4)[list(decided)].reshape(n, 4)
    return Columns(
        source=np.array(source or ["only"] * n, np.str_),
        category=np.array(["box"] * n, np.str_),
        group=np.array(group or [str(i) for i in range(n)], np.str_),
        size=np.array(["under 256 px"] * n, np.str_),
        best=np.array(best, np.int64),
        worst=np.array(best if worst is None else worst, np.int64),
        decided=np.array(decided, np.int64),
        probabilities=sure if probabilities is None else np.array(probabilities, float),
        uncalibrated=sure,
        in_set=(sure > 0) if in_set is None else np.array(in_set, bool),
        expected_cost=np.array([0.0] * n if expected_cost is None else expected_cost, float),
        review=np.array([False] * n if review is None else review, bool),
        unfamiliarity=np.full(n, 0.5),
        damage=np.full((n, 2), 0.5),
        present=np.zeros((n, 2), bool),
        known=np.zeros((n, 2), bool),
    )


def picture(seed: int, side: int = 40) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def example(
    folder: Path,
    name: str,
    *,
    source: str = "left",
    grade: GradeInterval | None = None,
    present: tuple[DamageType, ...] = (),
    absent: tuple[DamageType, ...] = (),
    regions: tuple[Region, ...] = (),
    complete: bool = True,
) -> Example:
    data = picture(sum(name.encode()))
    (folder / f"{name}.png").write_bytes(data)
    row = LabelledPicture(
        picture=f"{name}.png",
        sha256=hashlib.sha256(data).hexdigest(),
        item_id=name,
        source=source,
        category="box",
        group=name,
        split="val",
        grade=grade,
        present=present,
        absent=absent,
        regions=regions,
        regions_complete=complete,
        licence="Apache-2.0",
        labelled_by="tests",
    )
    return Example(row, folder)


def graded(
    views: Sequence[Example] | Example,
    decided: Grade = Grade.NEW,
    *,
    sure: float = 0.7,
    maps: NDArray[Any] | None = None,
    boxes: Sequence[Box] = (),
    review: bool = False,
    expected_cost: float = 0.5,
) -> Graded:
    """An item that is given `decided` with probability `sure`; `boxes` are dents."""
    views = (views,) if isinstance(views, Example) else tuple(views)
    rest = (1 - sure) / 3
    probabilities = {grade: sure if grade is decided else rest for grade in GRADES}
    shown = np.zeros((len(views), 2, 8, 8)) if maps is None else maps
    return Graded(
        views=views,
        shorter_side_px=40,
        grade=views[0].row.grade,
        present=frozenset(views[0].row.present),
        absent=frozenset(views[0].row.absent),
        assessment=Assessment(
            grade=decided,
            probabilities=probabilities,
            prediction_set=(decided,),
            expected_cost=expected_cost,
            damage_probabilities={
                kind: float(shown[:, t].max())
                for t, kind in enumerate((DamageType.DENT, DamageType.TEAR))
            },
            damages=tuple(
                Damage(type=DamageType.DENT, probability=0.9, view=0, box=box) for box in boxes
            ),
            unfamiliarity=0.5,
            quality=(ViewQuality(brightness=0.5, sharpness=1.0),),
            needs_review=review,
            review_reasons=(ReviewReason.UNCERTAIN_GRADE,) if review else (),
        ),
        uncalibrated=np.array([*probabilities.values()]),
        maps=np.asarray(shown, np.float32),
    )


def exactly(grade: Grade) -> GradeInterval:
    return GradeInterval.exactly(grade)
