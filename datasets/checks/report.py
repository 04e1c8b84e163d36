"""The report: one HTML file that shows what was found, with its pictures inside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2
from PIL import Image

from datasets.checks.balance import Label
from datasets.checks.entries import Entry
from datasets.checks.examine import Examination
from datasets.checks.findings import Finding, Section, Severity, Shown
from datasets.checks.shortcuts import LOOKING, Shortcut
from datasets.progress import Track
from datasets.thumbnails import data_uri
from datasets.wording import damages_text, grade_text
from model.contract import Grade
from model.pictures import PictureError, decode

MAX_ALIKE = 18
"""Findings of one title that are shown; the rest is in the JSON."""
MAX_PICTURES = 24
"""Of one finding."""
_THUMBNAIL_PX = 220
_COLOURS = {
    Grade.NEW: "#3f9b63",
    Grade.LIGHTLY_USED: "#d6b93c",
    Grade.REPAIRABLE: "#dd8436",
    Grade.SALVAGE: "#b8433a",
}
_INTROS = {
    Section.LEAKAGE: "Items, groups and photographs (also re-encoded, resized or mirrored ones) that stand in several splits. Crops, added borders and further photographs of one item are only suspected, by a network's features; turned pictures are not found.",
    Section.FILES: "Every file was read to its end and its hash compared with the manifest's.",
    Section.DUPLICATES: "Copies of one photograph: contradicting labels first, then copies that count several times within a split. Copies that the manifest itself puts into one group and split are in order.",
    Section.LABELS: "Confident learning (cleanlab) within each source: pictures whose label contradicts what all others of their source teach. Suspects, not verdicts: the worse the judge, the less they mean.",
    Section.SHORTCUTS: "What tells the grade without a look at the item, out of fold with whole items held out. AUROC 0.5 is a coin; the mark is where luck ends.",
    Section.BALANCE: "Pictures by source, split and label. A bar of two colours is a label that leaves a range of grades open.",
    Section.FROZEN: "The test split compared with its lock.",
}


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture as the report shows it."""

    source: str
    split: str
    label: str
    damages: str
    note: str
    file: str
    data: str | None
    """Data URI; None: the picture cannot be read."""


def render_report(
    found: Examination, manifests: Sequence[Path], now: datetime, threads: int, track: Track
) -> str:
    """The report as HTML that needs no other file."""
    numbers = {
        picture.number
        for section in Section
        for alike in _alike(found.of(section))
        for finding in alike[:MAX_ALIKE]
        for picture in finding.shown[:MAX_PICTURES]
    }
    inlined = _inline(sorted(numbers), found.entries, threads, track)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = [_section(section, found, inlined) for section in Section]
    return environment.get_template("report.html").render(
        found=found,
        severities={severity: found.count(severity) for severity in Severity},
        sections=[section for section in sections if section["cards"] or section["always"]],
        manifests=manifests,
        now=now,
        sources=_balance(found),
        questions=_questions(found.looked.shortcuts),
        legend=[(grade.replace("_", " "), colour) for grade, colour in _COLOURS.items()],
    )


def _alike(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings of one title together, in the order of the first of each."""
    by_title: dict[tuple[Severity, str], list[Finding]] = {}
    for finding in findings:
        by_title.setdefault((finding.severity, finding.title), []).append(finding)
    return [*by_title.values()]


def _section(
    section: Section, found: Examination, inlined: Mapping[int, str | None]
) -> dict[str, Any]:
    findings = found.of(section)
    needs_features = section in (Section.LABELS, Section.SHORTCUTS)
    return {
        "name": section,
        "intro": _INTROS[section],
        "left_out": needs_features and found.looked.extractor is None,
        "always": section is not Section.FROZEN,
        "count": len(findings),
        "cards": [_card(alike, found.entries, inlined) for alike in _alike(findings)],
    }


def _card(
    alike: Sequence[Finding], entries: Sequence[Entry], inlined: Mapping[int, str | None]
) -> dict[str, Any]:
    first, shown = alike[0], alike[:MAX_ALIKE]
    return {
        "severity": first.severity,
        "title": first.title,
        "advice": first.advice,
        "count": len(alike),
        "sets": [
            [
                _thumbnail(picture, entries[picture.number], inlined)
                for picture in finding.shown[:MAX_PICTURES]
            ]
            for finding in shown
            if finding.shown
        ],
        "more": len(alike) - len(shown),
        "more_pictures": max(0, len(first.shown) - MAX_PICTURES),
    }


def _thumbnail(shown: Shown, entry: Entry, inlined: Mapping[int, str | None]) -> Thumbnail:
    return Thumbnail(
        source=entry.row.source,
        split=entry.row.split or "no split",
        label=grade_text(entry.row.grade),
        damages=damages_text(entry.row.present),
        note=shown.note,
        file=entry.row.picture,
        data=inlined[shown.number],
    )


def _inline(
    numbers: Sequence[int], entries: Sequence[Entry], threads: int, track: Track
) -> dict[int, str | None]:
    with ThreadPoolExecutor(threads) as pool:
        made = pool.map(_thumbnail_uri, [entries[number].path for number in numbers])
        return dict(zip(numbers, track(made, "thumbnails", len(numbers)), strict=True))


def _thumbnail_uri(path: Path) -> str | None:
    try:
        picture = Image.fromarray(decode(path.read_bytes()))
    except (OSError, PictureError):
        return None
    picture.thumbnail((_THUMBNAIL_PX, _THUMBNAIL_PX))
    return data_uri(picture)


def _balance(found: Examination) -> list[dict[str, Any]]:
    """Bars of every source and split."""
    sources = []
    for source, by_split in found.counts.items():
        largest = max(counts.total() for counts in by_split.values())
        bars = [
            {
                "split": split,
                "total": counts.total(),
                "parts": [
                    {
                        "label": grade_text(label),
                        "count": count,
                        "percent": 100 * count / largest,
                        "fill": _fill(label),
                    }
                    for label, count in sorted(counts.items(), key=lambda item: _rank(item[0]))
                ],
            }
            for split, counts in by_split.items()
        ]
        sources.append({"name": source, "bars": bars})
    return sources


def _rank(label: Label) -> tuple[int, int]:
    return (label.best.rank, label.worst.rank) if label else (9, 9)


def _fill(label: Label) -> str:
    if label is None:
        return "#b9bec6"
    best, worst = _COLOURS[label.best], _COLOURS[label.worst]
    return best if best == worst else f"linear-gradient(90deg, {best}, {worst})"


def _questions(shortcuts: Iterable[Shortcut]) -> list[dict[str, Any]]:
    """Bars of every question, from AUROC 0.5 to 1."""
    return [
        {
            "scope": scope,
            "name": name,
            "bars": [
                {
                    "shortcut": shortcut,
                    "looking": shortcut.predictor == LOOKING,
                    "percent": max(0.0, 200 * (shortcut.auroc - 0.5)),
                    "limit": 200 * (shortcut.limit - 0.5),
                }
                for shortcut in bars
            ],
        }
        for (scope, name), bars in groupby(shortcuts, key=lambda s: (s.scope, s.question))
    ]
