"""The card: what a bundle is, was trained on, can do and must not be used for. Made by the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from datasets.manifest import SPLITS, fingerprint
from training.evaluation.figures import Estimate, Figures
from training.evaluation.wording import number, span, weak_spots, words
from training.examples import Example

_COLUMNS = {
    "accuracy": "accuracy",
    "accuracy_most_probable": "accuracy, most probable",
    "balanced_accuracy": "balanced",
    "macro_f1": "macro-F1",
    "macro_f1_most_probable": "macro-F1, most probable",
    "quadratic_kappa": "kappa",
    "interval_accuracy": "interval",
    "two_way_accuracy": "two-way",
    "damaged_auroc": "AUROC",
    "coverage": "coverage",
    "review_share": "person",
}


@dataclass(frozen=True, slots=True)
class RunFacts:
    """How the bundle came to be."""

    command: str
    backbone: str
    """Its name at timm."""
    minutes: float
    machine: str
    git_commit: str
    created_at: str


def write_card(
    name: str, examples: Sequence[Example], metrics: Mapping[str, Any], facts: RunFacts
) -> str:
    """The card as Markdown.

    Args:
        name: Of the bundle.
        examples: Every labelled picture of the run, all splits.
        metrics: `validation` (the figures' JSON shape) and `export`.
        facts: How the bundle came to be.
    """
    figures = Figures.model_validate(metrics["validation"])
    environment = Environment(
        loader=PackageLoader("training.evaluation"),
        autoescape=False,  # noqa: S701  (Markdown, of our own words and figures)
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found = figures.localisation
    return environment.get_template("card.md").render(
        name=name,
        figures=figures,
        kinds=", ".join(words(kind) for kind in figures.damage) or "no damage types",
        weak=list(weak_spots(figures)),
        splits=SPLITS,
        data=list(_data(examples)),
        never=list(_never(examples)),
        columns=_COLUMNS,
        slices={**figures.by_source, "all": figures.all},
        localised=[*found.by_source.items(), *found.by_type.items(), ("all", found.all)]
        if found.all
        else [],
        shipped=figures.selective.points[0] if figures.selective.aurc.n else None,
        export=metrics["export"],
        facts=facts,
        data_fingerprint=fingerprint(example.row for example in examples),
        split_fingerprints=list(_split_fingerprints(examples)),
        cell=_cell,
        number=number,
    )


def _data(examples: Sequence[Example]) -> Iterator[tuple[str, str, list[int]]]:
    counts = Counter((example.row.source, example.row.split) for example in examples)
    licences: dict[str, set[str]] = {}
    for example in examples:
        licences.setdefault(example.row.source, set()).add(example.row.licence)
    for source in sorted(licences):
        terms = "; ".join(sorted(licences[source]))
        yield source, terms, [counts[source, split] for split in SPLITS]


def _never(examples: Sequence[Example]) -> Iterator[str]:
    """Data sets whose labels never say one side of new and damaged: knowing the set is enough."""
    labelled = [(e.row.source, e.row.grade) for e in examples if e.row.grade is not None]
    sources = sorted({source for source, _ in labelled})
    worse = {s: {g.best.rank > 0 for source, g in labelled if source == s} for s in sources}
    new = {s: {g.worst.rank == 0 for source, g in labelled if source == s} for s in sources}
    for what, said in (("damaged", worse), ("new", new)):
        if found := [words(source) for source in sources if said[source] == {True}]:
            yield f"Every labelled picture of {', '.join(found)} is {what}."


def _split_fingerprints(examples: Sequence[Example]) -> Iterator[tuple[str, str]]:
    for split in SPLITS:
        rows = [example.row for example in examples if example.row.split == split]
        if rows:
            yield split, fingerprint(rows)


def _cell(estimate: Estimate) -> str:
    if estimate.low is None:
        return number(estimate.value)
    return f"{number(estimate.value)} {span(estimate)}"
