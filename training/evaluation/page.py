"""The report and the comparison as one HTML file each, which needs nothing else."""

from __future__ import annotations

import base64
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from model.contract import GRADES
from training.evaluation import charts
from training.evaluation.compare import Compared, disagreements
from training.evaluation.evaluate import Evaluation
from training.evaluation.figures import CoverageCell, Figures
from training.evaluation.gallery import gallery, shown
from training.evaluation.graded import Graded
from training.evaluation.located import TITLES
from training.evaluation.measures import BY_KEY
from training.evaluation.wording import number, span, weak_spots, words

GRADE_KEYS = (
    "accuracy",
    "accuracy_most_probable",
    "balanced_accuracy",
    "macro_f1",
    "macro_f1_most_probable",
    "quadratic_kappa",
    "mean_absolute_error",
    "interval_accuracy",
    "two_way_accuracy",
    "damaged_auroc",
)
DECISION_KEYS = (
    "ece_before",
    "ece_after",
    "coverage",
    "mean_set_size",
    "review_share",
    "accuracy_without_review",
    "cost_per_item",
    "cost_alone",
    "aurc",
)
SOURCE_KEYS = (
    "accuracy",
    "interval_accuracy",
    "ece_after",
    "coverage",
    "review_share",
    "cost_per_item",
)
_PAIRS = 12
_REPORT_CONTENTS = (
    ("summary", "Summary"),
    ("sources", "By data set"),
    ("mistakes", "The worst mistakes"),
    ("confusion", "Confusion"),
    ("calibration", "Calibration"),
    ("selective", "What to leave to a person"),
    ("coverage", "Coverage"),
    ("damage", "Damage types"),
    ("localisation", "Where the damage is"),
    ("breakdown", "Grade, category, size"),
    ("familiarity", "Familiarity"),
    ("meaning", "What the figures mean"),
)
_COMPARE_CONTENTS = (
    ("summary", "Summary"),
    ("all", "All items"),
    ("sources", "By data set"),
    ("damage", "Damage types and places"),
    ("pictures", "Where they differ"),
)


def report_page(evaluation: Evaluation) -> str:
    """The report of one bundle.

    Raises:
        DataError: A picture cannot be read again.
    """
    figures = evaluation.figures
    drawn = {
        "confusion": charts.confusion(figures.confusion) if figures.confusion else "",
        "reliability": charts.reliability(figures.reliability),
        "risk_coverage": charts.risk_coverage(figures.selective),
        "coverage": charts.coverage(figures.coverage),
        "precision_recall": charts.precision_recall(figures.damage)
        if any(one.precision_recall for one in figures.damage.values())
        else "",
    }
    found = figures.localisation
    localised = {"data set": found.by_source, "damage type": found.by_type}
    return _render(
        "report.html",
        title=f"{figures.bundle.name} {figures.bundle.version}: evaluation",
        contents=_REPORT_CONTENTS,
        figures=figures,
        charts={name: _uri(svg) if svg else "" for name, svg in drawn.items()},
        gallery=gallery(evaluation.graded, evaluation.manifest),
        weak=list(weak_spots(figures)),
        localised=localised,
        coverage_rows=_coverage_rows(figures),
        coverage_grades=("all", *GRADES),
        grade_keys=GRADE_KEYS,
        decision_keys=DECISION_KEYS,
    )


def compare_page(compared: Compared) -> str:
    """The comparison of two bundles.

    Raises:
        DataError: A picture cannot be read again.
    """
    return _render(
        "compare.html",
        title="Comparison of two bundles",
        contents=_COMPARE_CONTENTS,
        comparison=compared.comparison,
        verdict=verdict(compared),
        titles={key: measure.title for key, measure in BY_KEY.items()},
        places=TITLES,
        source_keys=SOURCE_KEYS,
        pairs=[
            (shown(one, compared.a.manifest), shown(other, compared.b.manifest))
            for one, other in disagreements(compared, _PAIRS)
        ],
    )


def verdict(compared: Compared) -> str:
    """The comparison over all items in a sentence."""
    found = compared.comparison.all.differences
    better = [BY_KEY[key].title for key, one in found.items() if one.finding == "B better"]
    worse = [BY_KEY[key].title for key, one in found.items() if one.finding == "B worse"]
    if not better and not worse:
        return "No difference shown on any figure over all items."
    parts = []
    if better:
        parts.append(f"B is better in {', '.join(better)}")
    if worse:
        parts.append(f"B is worse in {', '.join(worse)}")
    return f"Over all items {'; '.join(parts)}. No difference is shown in the others."


def _coverage_rows(figures: Figures) -> dict[str, dict[str, CoverageCell]]:
    """Source -> grade -> cell, all data sets together last."""
    rows: dict[str, dict[str, CoverageCell]] = {}
    for cell in figures.coverage.cells:
        rows.setdefault(cell.source, {})[cell.grade] = cell
    return {name: rows[name] for name in sorted(rows, key=lambda name: (name == "all", name))}


def _probabilities(item: Graded) -> str:
    shares = item.assessment.probabilities
    return ", ".join(f"{words(grade)} {shares[grade]:.0%}" for grade in GRADES)


def _uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _render(template: str, **context: Any) -> str:
    environment = Environment(
        loader=PackageLoader("training.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = words
    environment.globals |= {
        "number": number,
        "span": span,
        "probabilities": _probabilities,
        "measures": BY_KEY,
    }
    return environment.get_template(template).render(context)
