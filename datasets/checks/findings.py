"""Findings: what the checks have to say, with the pictures that it is about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a finding means for whoever trains."""

    ERROR = "error"
    """Figures or labels are wrong until it is put right; the command ends with 1."""
    WARNING = "warning"
    """Look at it."""
    NOTE = "note"
    """Worth knowing."""


class Section(StrEnum):
    """The parts of the report, in its order."""

    LEAKAGE = "leakage between splits"
    FILES = "files"
    DUPLICATES = "duplicates"
    LABELS = "likely label errors"
    SHORTCUTS = "shortcuts"
    BALANCE = "balance"
    FROZEN = "frozen test set"


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of a finding."""

    number: int
    """Its entry's."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found."""

    section: Section
    severity: Severity
    title: str
    advice: str
    shown: tuple[Shown, ...] = ()
