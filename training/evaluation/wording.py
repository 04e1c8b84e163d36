"""Figures in words: for the report, the card and the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from training.evaluation.figures import Estimate, Figures

WEAK_PRECISION = 0.5
WEAK_FAMILIARITY = 0.95
WEAK_BOXES = 0.5
MUCH_REVIEW = 0.5
_NARROW = 0.02


def weak_spots(figures: Figures) -> Iterator[str]:
    """What the figures show to be weak, in sentences."""
    for cell in figures.coverage.cells:
        if cell.below and "all" in (cell.source, cell.grade):
            where = " ".join(w.replace("_", " ") for w in (cell.source, cell.grade) if w != "all")
            yield (
                f"Prediction sets of {where or 'all items'} hold the grade in "
                f"{number(cell.coverage.value)} {span(cell.coverage)} of {cell.coverage.n} items, "
                f"not in {figures.coverage.nominal:g}."
            )
    for kind, damage in figures.damage.items():
        precision = damage.average_precision
        if precision.value is None:
            yield f"{words(kind).capitalize()}: no item shows it, so nothing is known of it."
        elif precision.value < WEAK_PRECISION:
            yield (
                f"{words(kind).capitalize()}: average precision {number(precision.value)} "
                f"{span(precision)}, under {WEAK_PRECISION:g} ({damage.present} present, "
                f"{damage.absent} absent)."
            )
    located = figures.localisation.all
    if located is not None and (boxes := located.box_hit_rate_50).value is not None:
        if boxes.value < WEAK_BOXES:
            yield (
                f"Boxes are rough: {number(boxes.value)} {span(boxes)} of {boxes.n} marked regions "
                "are found at IoU 0.5."
            )
    for name, source in figures.by_source.items():
        review = source.estimates["review_share"]
        if review.value is not None and review.value > MUCH_REVIEW:
            yield (
                f"{words(name).capitalize()}: {number(review.value)} {span(review)} of {review.n} items go to a "
                "person."
            )
    for name, foreign in figures.familiarity.foreign.items():
        if foreign.auroc.value is not None and foreign.auroc.value < WEAK_FAMILIARITY:
            yield (
                f"Foreign pictures ({name}) are told from its own with AUROC "
                f"{number(foreign.auroc.value)} {span(foreign.auroc)}, under {WEAK_FAMILIARITY:g} (n "
                f"{foreign.pictures})."
            )


def number(value: float | None, *, signed: bool = False) -> str:
    """A figure for the page."""
    return "-" if value is None else f"{value:{'+' if signed else ''}.3f}"


def span(estimate: Estimate, *, signed: bool = False) -> str:
    """Its interval in brackets."""
    if estimate.value is None:
        return ""
    if estimate.low is None or estimate.high is None:
        return "no interval"
    digits = 3 if estimate.high - estimate.low < _NARROW else 2
    low, high = (
        f"{end:{'+' if signed else ''}.{digits}f}" for end in (estimate.low, estimate.high)
    )
    return f"[{low}, {high}]"


def words(name: str | None) -> str:
    """A name from code as people write it."""
    return (name or "").replace("_", " ")
