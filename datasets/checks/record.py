"""The findings as JSON: complete, for scripts and for what the report cuts short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from datasets.checks.entries import Entry
from datasets.checks.examine import Examination
from datasets.checks.findings import Finding, Severity, Shown
from datasets.manifest import fingerprint


def record(found: Examination, manifests: Sequence[Path], now: datetime) -> Mapping[str, Any]:
    """All findings, ready for ``json.dumps``."""
    return {
        "format_version": 1,
        "created_at": now.isoformat(timespec="seconds"),
        "manifests": [str(manifest) for manifest in manifests],
        "data_fingerprint": fingerprint(entry.row for entry in found.entries),
        "pictures": len(found.entries),
        "photographs": found.photographs,
        "counts": {severity: found.count(severity) for severity in Severity},
        "findings": [_finding(finding, found.entries) for finding in found.findings],
        "features": found.looked.extractor,
        "labels": [
            {
                "source": each.source,
                "judged": each.pictures,
                "balanced_accuracy": each.balanced_accuracy,
                "suspects": len(each.suspects),
            }
            for each in found.looked.labels
        ],
        "shortcuts": [
            {**asdict(shortcut), "is_risk": shortcut.is_risk} for shortcut in found.looked.shortcuts
        ],
    }


def _finding(finding: Finding, entries: Sequence[Entry]) -> Mapping[str, Any]:
    return {
        "section": finding.section,
        "severity": finding.severity,
        "title": finding.title,
        "advice": finding.advice,
        "pictures": [_picture(shown, entries[shown.number]) for shown in finding.shown],
    }


def _picture(shown: Shown, entry: Entry) -> Mapping[str, Any]:
    said = {"picture", "sha256", "item_id", "group", "source", "split", "grade", "present"}
    return {
        **entry.row.model_dump(mode="json", include=said),
        "path": str(entry.path),
        "note": shown.note,
    }
