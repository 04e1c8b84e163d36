"""Verdicts of a grading server that is simulated too."""

from __future__ import annotations

from datetime import UTC, datetime

from model.contract import GRADES, Grade, ModelRef, ReviewReason, Timings, Verdict

_WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def _template(grade: Grade) -> Verdict:
    return Verdict(
        grade=grade,
        probabilities={each: 0.94 if each is grade else 0.02 for each in GRADES},
        prediction_set=(grade,),
        expected_cost=0.1,
        damage_probabilities={},
        damages=(),
        unfamiliarity=0.2,
        quality=(),
        needs_review=False,
        review_reasons=(),
        verdict_id="v",
        capture_id="c",
        item_id="RET-0",
        graded_at=_WHEN,
        model=ModelRef(name="rehearsal", version="1"),
        images=("0" * 64,),
        timings=Timings(decode_ms=1, queue_ms=1, model_ms=1, total_ms=3),
    )


_TEMPLATES = {grade: _template(grade) for grade in GRADES}


def verdict(item_id: str, grade: Grade, capture_id: str, *, doubtful: bool = False) -> Verdict:
    """A verdict of the simulated server."""
    values: dict[str, object] = {
        "item_id": item_id,
        "capture_id": capture_id,
        "verdict_id": f"v:{capture_id}",
    }
    if doubtful:
        values |= {"needs_review": True, "review_reasons": (ReviewReason.UNCERTAIN_GRADE,)}
    return _TEMPLATES[grade].model_copy(update=values)
