"""What the controller knows, and how it is set up: values only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, ValuesView
from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from typing import Self

from model.contract import ItemFacts, Outcome, Override, Verdict
from sorter_control.controller.book import LineBook
from sorter_control.policy import Hold, Policy
from sorter_control.protocol import LaneGeometry, LaneReport, Status
from sorter_control.routing import Decision, FailSafe


@dataclass(frozen=True, slots=True)
class Settings:
    """What does not change while the controller runs, but for the policy.

    Attributes:
        line_id: Name of the line, part of every id.
        policy: Routing policy; ``Controller.change_policy`` puts another in its place.
        margin_s: Time kept back from the deadline for the way to the PLC.
        match_mm: Largest error of place at which an unexpected item is one that the PLC forgot.
    """

    line_id: str
    policy: Policy
    margin_s: float = 0.3
    match_mm: float = 150.0


@dataclass(frozen=True, slots=True)
class Sent:
    """A command about an item: the lane that it names, 0 for none, and the decision behind it."""

    lane: int
    decision: Decision


@dataclass(frozen=True, slots=True)
class Item:
    """One item on the belt, as the controller knows it.

    Attributes:
        plc_boot_id: Boot of the PLC at the announcement; with ``tid`` it names the item.
        tid: Tracking id.
        induct_encoder: Encoder when its front was at the induct photo-eye.
        length_mm: Length along the belt.
        announced_at: When the controller heard of it.
        item_id: License plate, once the camera has read it.
        facts: What the returns system knows, once the plate is read.
        verdict: What the model said.
        override: The newest answer of a person.
        failure: Why there is no verdict.
        decision: Where it is to go, once that is decided.
        held_lane: Number of the lane that the PLC has for it by its last answer, 0 for none.
        confirmed: The decision that led there.
        unanswered: Commands about it that the PLC has not answered, the oldest first.
        barred: Lanes that the PLC refused for it, or that failed to take it.
        too_close: It cannot be diverted by itself, for it touches something or is not what it was.
        swept: The PLC no longer tracks it; its photo-eye will see it as unexpected.
        returning: It goes round, and is between the last divert and the induct photo-eye.
        nameless: The camera has not yet been asked for its plate, or has not yet answered.
        outcome: How its way ended, while the record waits for its plate.
    """

    plc_boot_id: int
    tid: int
    induct_encoder: int
    length_mm: int
    announced_at: datetime
    item_id: str | None = None
    facts: ItemFacts | None = None
    verdict: Verdict | None = None
    override: Override | None = None
    failure: Failure | None = None
    decision: Decision | None = None
    held_lane: int = 0
    confirmed: Decision | None = None
    unanswered: tuple[Sent, ...] = ()
    barred: frozenset[str] = frozenset()
    too_close: bool = False
    swept: bool = False
    returning: bool = False
    nameless: bool = True
    outcome: Outcome | None = None

    @property
    def sent_lane(self) -> int:
        """Lane that the PLC has for it once it has executed every command, 0 for none."""
        return self.unanswered[-1].lane if self.unanswered else self.held_lane

    def decision_for(self, lane: int, policy: Policy) -> Decision | None:
        """Which of its decisions leads to the lane of this number, if one does: the newest."""
        older = [sent.decision for sent in reversed(self.unanswered)]
        for decision in (self.decision, *older, self.confirmed):
            if decision is not None and policy.lanes.get(decision.lane) == lane:
                return decision
        return None

    @property
    def is_twin(self) -> bool:
        """Whether its plate was seen on another item too, so that nothing said of the plate counts."""
        return self.failure is not None and self.failure.rule is FailSafe.PLATE_TWICE

    @property
    def held_for(self) -> Hold | None:
        """What keeps it from being sold, by what is known of it: safety, recall or fraud."""
        facts = self.facts
        if facts is None:
            return None
        return next((hold for hold in Hold if hold.applies_to(facts)), None)

    @property
    def is_never_sold(self) -> bool:
        """Whether neither verdict nor answer counts any more, only what it must be held for."""
        return self.is_twin or self.too_close


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an item has no verdict."""

    rule: FailSafe
    explanation: str


class Items(Mapping[int, Item]):
    """Items on the belt by tid; those that something has to be done about by place are at hand.

    These, the ``loose`` ones, have no lane yet, or the PLC has forgotten them: a few among hundreds,
    and each reading of the PLC has to look at them.
    """

    __slots__ = ("_by_tid", "_loose")

    def __init__(
        self, by_tid: dict[int, Item] | None = None, loose: dict[int, Item] | None = None
    ) -> None:
        self._by_tid = by_tid or {}
        self._loose = loose or {}

    def __getitem__(self, tid: int) -> Item:
        return self._by_tid[tid]

    def __iter__(self) -> Iterator[int]:
        return iter(self._by_tid)

    def __len__(self) -> int:
        return len(self._by_tid)

    def loose(self) -> list[Item]:
        """Items without a lane, and items that the PLC no longer tracks."""
        return list(self._loose.values())

    def values(self) -> ValuesView[Item]:
        """All of them."""
        return self._by_tid.values()

    def put(self, item: Item) -> None:
        """Add an item, or replace what was known of it."""
        self._by_tid[item.tid] = item
        if item.decision is None or item.swept:
            self._loose[item.tid] = item
        else:
            self._loose.pop(item.tid, None)

    def drop(self, tid: int) -> None:
        """Forget an item, if it is known."""
        self._by_tid.pop(tid, None)
        self._loose.pop(tid, None)

    def copy(self) -> Items:
        """Items that can be changed without changing these."""
        return Items(self._by_tid.copy(), self._loose.copy())


NOT_CONNECTED_YET = "not connected yet"


@dataclass(slots=True)
class ControllerState:
    """Everything that a decision depends on; ``decide`` works on a copy."""

    items: Items = field(default_factory=Items)
    remembered: dict[int, Item] = field(default_factory=dict)
    """Items of the journal that the PLC has not named since this controller started."""
    ended: dict[int, Item] = field(default_factory=dict)
    """Items that have left the belt before the camera has said which ones they are."""
    asked: frozenset[int] = frozenset()
    """Items whose pictures this run of the controller has asked for."""
    overrides: dict[str, Override] = field(default_factory=dict)
    """Newest answer of a person by item id, for the last ``answers.KEPT_ANSWERS`` items."""
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    """Verdicts of items that ran out unsold, by item id, for the last ``endings.KEPT_VERDICTS``:
    replaced, never changed."""
    status: Status | None = None
    lanes: tuple[LaneReport, ...] = ()
    geometry: tuple[LaneGeometry, ...] = ()
    first_mm: int = 0
    """The first point of no return of them all."""
    plc_boot_id: int = 0
    named: frozenset[int] = frozenset()
    """Items that the remap under way has named so far."""
    plc_problem: str | None = NOT_CONNECTED_YET
    outages: tuple[tuple[str, str], ...] = ()
    """Other parties that do not answer, and what is wrong with each."""
    book: LineBook = field(default_factory=LineBook)
    began_s: float | None = None
    """Monotonic time of the first attempt to reach the PLC."""
    plc_is_missing: bool = False
    """Whether it is time to be alarmed about ``plc_problem``."""
    deaf_since_s: float | None = None
    """Monotonic time since which the PLC says that it does not hear its host."""
    plc_is_deaf: bool = False
    """Whether that has lasted."""
    watched: object = None
    """What the alarms were last made from."""
    unrecorded: Mapping[int, int] = field(default_factory=dict)
    """Lanes whose counter at the PLC is not our own, and by how much it is ahead."""

    @classmethod
    def of_journal(cls, items: Iterable[Item], book: LineBook) -> Self:
        """The state in which a controller starts."""
        state = cls(book=book.after_restart())
        for item in items:
            (state.remembered if item.outcome is None else state.ended)[item.tid] = item
        return state

    def find(self, tid: int) -> Item | None:
        """The item with this tid, wherever it is remembered."""
        return self.items.get(tid) or self.remembered.get(tid)

    def position_mm(self, item: Item) -> float:
        """Where the front of an item is, mm after the induct photo-eye."""
        return self.status.mm_since(item.induct_encoder) if self.status else 0.0

    def copy(self) -> Self:
        """A state that can be changed without changing this one."""
        new = type(self)(*_fields_of(self))
        new.items = self.items.copy()
        new.remembered = self.remembered.copy()
        new.ended = self.ended.copy()
        return new


_fields_of = attrgetter(*(each.name for each in fields(ControllerState)))
"""All fields of a state, in the order in which its constructor takes them."""
