"""What each template gets: one frozen dataclass for each, and nothing besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from inference.access.audit import AuditEntry
from inference.access.roles import Role
from inference.models.records import Change, Roles
from inference.models.registry import Entry
from inference.models.scores import Comparison
from inference.pages.offers import Offers
from inference.pages.reference import Operation, SchemaTable
from inference.records import CommandRecord, Deletion, ItemRecord, Summary
from model.contract import (
    GRADES,
    Alarm,
    Damage,
    DamageType,
    Grade,
    Outcome,
    Override,
    Verdict,
)

#: Words for people.
WORDS = {
    "new": "New",
    "lightly_used": "Lightly used",
    "repairable": "Repairable",
    "salvage": "Salvage",
    "uncertain_grade": "Not sure of the grade",
    "unfamiliar": "Unlike anything in training",
    "poor_image": "Picture not good enough",
    "too_dark": "too dark",
    "too_bright": "too bright",
    "blurred": "blurred",
    "too_small": "too small",
    "diverted": "Diverted",
    "defaulted": "Defaulted",
    "missorted": "Missorted",
    "lost": "Lost",
    "review": "Waits for a person",
    "graded": "Graded by the model",
    "answered": "Decided by a person",
    "ungraded": "Not graded",
    "missing_part": "missing part",
    "added": "Added",
    "tuned": "Tuned",
    "started": "Started with",
    "promoted": "Promoted",
    "rolled_back": "Rolled back to",
    "challenged": "Challenger:",
    "shadowed": "Shadow:",
    "dropped": "Dropped",
    "lane_enable": "Enable lane",
    "lane_disable": "Disable lane",
    "acknowledge": "Acknowledge",
    "reset": "Reset",
    "start": "Start",
    "stop": "Stop",
    "hold": "Hold",
    "unhold": "Release hold",
    "suspend": "Suspend",
    "unsuspend": "Go on",
    "abort": "Abort",
    "clear": "Clear",
    "unacknowledged_active": "Active, not acknowledged",
    "acknowledged_active": "Active, acknowledged",
    "unacknowledged_returned_to_normal": "Over, not acknowledged",
    "normal": "Over, acknowledged",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One grade's probability, as the pages draw it."""

    grade: Grade
    percent: int
    in_set: bool
    """In the prediction set."""


@dataclass(frozen=True, slots=True)
class Finding:
    """All places of one type of damage."""

    type: DamageType
    probability: float
    """Of the surest place."""
    places: int
    views: tuple[int, ...]
    """Numbers of the pictures that show it, from 1."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One damaged place on a picture."""

    number: int
    """Of its finding, from 1."""
    damage: Damage
    named: bool
    """The surest of its type on this picture: one label for each type, or they hide the item."""


@dataclass(frozen=True, slots=True)
class View:
    """One picture with the damage on it."""

    image: str
    """SHA-256."""
    marks: tuple[Mark, ...]
    issues: tuple[str, ...]
    deleted: Deletion | None = None
    """Where the retention policy deleted the picture."""


def bars(verdict: Verdict) -> tuple[Bar, ...]:
    """All grades, best first."""
    return tuple(
        Bar(grade, round(100 * verdict.probabilities[grade]), grade in verdict.prediction_set)
        for grade in GRADES
    )


def findings(verdict: Verdict) -> tuple[Finding, ...]:
    """The damage by type, the surest first."""
    by_type: dict[DamageType, list[Damage]] = {}
    for damage in _surest_first(verdict):
        by_type.setdefault(damage.type, []).append(damage)
    return tuple(
        Finding(
            type=kind,
            probability=found[0].probability,
            places=len(found),
            views=tuple(sorted({damage.view + 1 for damage in found})),
        )
        for kind, found in by_type.items()
    )


def _surest_first(verdict: Verdict) -> list[Damage]:
    return sorted(verdict.damages, key=lambda damage: damage.probability, reverse=True)


def _marks(verdict: Verdict, view: int) -> tuple[Mark, ...]:
    number = {found.type: at for at, found in enumerate(findings(verdict), start=1)}
    here = [damage for damage in _surest_first(verdict) if damage.view == view]
    surest = {damage.type: damage for damage in reversed(here)}
    return tuple(
        Mark(number[damage.type], damage, named=surest[damage.type] is damage) for damage in here
    )


def views(verdict: Verdict, deleted: Mapping[str, Deletion]) -> tuple[View, ...]:
    """All pictures, in the order that they were sent."""
    return tuple(
        View(
            image,
            _marks(verdict, index),
            tuple(issue.value for issue in verdict.quality[index].issues),
            deleted.get(image),
        )
        for index, image in enumerate(verdict.images)
    )


@dataclass(frozen=True, slots=True)
class LinePage:
    """``line.html``: the shell of the live belt; the script fills it from the event stream."""

    template: ClassVar = "line.html"
    nav: str
    line_id: str | None
    """None while no line has reported."""
    line_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """One row of the recent items."""

    outcome: Outcome
    image: str | None


@dataclass(frozen=True, slots=True)
class RecentPart:
    """``recent.html``: newest outcomes and the counts beside them."""

    template: ClassVar = "recent.html"
    rows: tuple[Ended, ...]
    summary: Summary


@dataclass(frozen=True, slots=True)
class LogPart:
    """``line_log.html``: what people commanded, and the alarms, newest first."""

    template: ClassVar = "line_log.html"
    commands: tuple[CommandRecord, ...]
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """``review.html``: the shell of the review desk."""

    template: ClassVar = "review.html"
    nav: str
    grades: tuple[Grade, ...]
    """In the order of the keys 1 to 4."""


@dataclass(frozen=True, slots=True)
class ReviewPart:
    """``review_item.html``: one item to answer."""

    template: ClassVar = "review_item.html"
    record: ItemRecord
    verdict: Verdict
    views: tuple[View, ...]
    findings: tuple[Finding, ...]
    bars: tuple[Bar, ...]
    answer: Override | None
    """The answer that holds, where somebody gave one."""
    line_id: str | None
    left_s: float
    """Seconds for which an answer still steers the item; 0: it has passed."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry of an item's timeline: exactly one of the three is set."""

    grading: Verdict | None = None
    override: Override | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class ItemPage:
    """``item.html``: one item and its history, newest first."""

    template: ClassVar = "item.html"
    nav: str
    record: ItemRecord
    views: tuple[View, ...]
    findings: tuple[Finding, ...]
    bars: tuple[Bar, ...]
    moments: tuple[Moment, ...]


def timeline(record: ItemRecord) -> tuple[Moment, ...]:
    """Gradings, answers and outcomes in one order, newest first."""
    moments = (
        *((graded.graded_at, Moment(grading=graded)) for graded in record.gradings),
        *((answer.created_at, Moment(override=answer)) for answer in record.overrides),
        *((ended.ended_at, Moment(outcome=ended)) for ended in record.outcomes),
    )
    newest_first = sorted(moments, key=lambda entry: entry[0], reverse=True)
    return tuple(moment for _, moment in newest_first)


@dataclass(frozen=True, slots=True)
class DocsPage:
    """``docs.html``: the API's reference."""

    template: ClassVar = "docs.html"
    nav: str
    title: str
    version: str
    nobody: bool
    """Nobody is logged in, who would have to be."""
    intro: str
    groups: tuple[tuple[str, str, tuple[Operation, ...]], ...]
    """Name, description and operations of each tag."""
    schemas: tuple[SchemaTable, ...]


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """``error.html``: what a person sees in place of a page."""

    template: ClassVar = "error.html"
    nav: str
    status: int
    message: str


@dataclass(frozen=True, slots=True)
class ModelsPage:
    """``models.html``: who grades, how they compare, who changed what."""

    template: ClassVar = "models.html"
    nav: str
    roles: Roles
    comparison: Comparison
    bundles: tuple[Entry, ...]
    changes: tuple[Change, ...]
    """Newest first."""
    offers: Offers | None
    """What can be changed here; None: the reader may change nothing."""
    changers: tuple[Role, ...]
    """Who may."""


@dataclass(frozen=True, slots=True)
class LoginPage:
    """``login.html``: who are you."""

    template: ClassVar = "login.html"
    nav: str
    problem: str
    """Why it did not work; empty at first."""
    name: str
    """The name that was typed."""
    next: str
    """Where it goes on."""
    nobody: bool
    """Nobody is logged in, who would have to be."""


@dataclass(frozen=True, slots=True)
class AuditPage:
    """``audit.html``: who did what, newest first."""

    template: ClassVar = "audit.html"
    nav: str
    entries: tuple[AuditEntry, ...]
    next_before: int | None
    is_older: bool
    """Not the newest ones."""


Context = (
    LoginPage
    | AuditPage
    | LinePage
    | RecentPart
    | LogPart
    | ReviewPage
    | ReviewPart
    | ItemPage
    | ModelsPage
    | DocsPage
    | ErrorPage
)
