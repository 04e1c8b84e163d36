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
    yield from _weak_coverage(figures)
    yield from _weak_damage(figures)
    yield from _weak_boxes(figures)
    yield from _much_review(figures)
    yield from _weak_familiarity(figures)


def _weak_coverage(figures: Figures) -> Iterator[str]:
    for cell in figures.coverage.cells:
        if cell.below and "all" in (cell.source, cell.grade):
            where = " ".join(words(part) for part in (cell.source, cell.grade) if part != "all")
            yield (
                f"Prediction sets of {where or 'all items'} hold the grade in "
                f"{_stated(cell.coverage)} of {cell.coverage.n} items, not in "
                f"{figures.coverage.nominal:g}."
            )


def _weak_damage(figures: Figures) -> Iterator[str]:
    for kind, damage in figures.damage.items():
        name, precision = words(kind).capitalize(), damage.average_precision
        if precision.value is None:
            yield f"{name}: no item shows it, so nothing is known of it."
        elif precision.value < WEAK_PRECISION:
            yield (
                f"{name}: average precision {_stated(precision)}, under {WEAK_PRECISION:g} "
                f"({number(damage.prevalence)} is a random ranking's; {damage.present} present, "
                f"{damage.absent} absent)."
            )


def _weak_boxes(figures: Figures) -> Iterator[str]:
    located = figures.localisation.all
    boxes = located.box_hit_rate_50 if located else None
    if boxes is not None and boxes.value is not None and boxes.value < WEAK_BOXES:
        yield f"Boxes are rough: {_stated(boxes)} of {boxes.n} marked regions are found at IoU 0.5."


def _much_review(figures: Figures) -> Iterator[str]:
    for name, found in figures.by_source.items():
        review = found.estimates["review_share"]
        if review.value is not None and review.value > MUCH_REVIEW:
            yield (
                f"{words(name).capitalize()}: {_stated(review)} of {review.n} items go to a person."
            )


def _weak_familiarity(figures: Figures) -> Iterator[str]:
    for name, foreign in figures.familiarity.foreign.items():
        if foreign.auroc.value is not None and foreign.auroc.value < WEAK_FAMILIARITY:
            yield (
                f"Foreign pictures ({name}) are told from its own with AUROC "
                f"{_stated(foreign.auroc)}, under {WEAK_FAMILIARITY:g} (n {foreign.pictures})."
            )


def _stated(estimate: Estimate) -> str:
    return f"{number(estimate.value)} {span(estimate)}"


def number(value: float | None, *, signed: bool = False) -> str:
    """A figure for the page."""
    return "-" if value is None else f"{value:{'+' if signed else ''}.3f}"


def span(estimate: Estimate, *, signed: bool = False) -> str:
    """Its interval in brackets."""
    if estimate.value is None:
        return ""
    if estimate.low is None or estimate.high is None:
        return "no interval"
    if estimate.low == estimate.high == 0:
        return "[0, 0]"
    digits = 3 if estimate.high - estimate.low < _NARROW else 2
    low, high = (
        f"{end:{'+' if signed else ''}.{digits}f}" for end in (estimate.low, estimate.high)
    )
    return f"[{low}, {high}]"


def words(name: str | None) -> str:
    """A name from code as people write it."""
    return (name or "").replace("_", " ")
