"""One shift in virtual time: a scenario from the first item to the last, and what came of it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

from sorter_control.controller.commands import Notice
from sorter_control.sim.soak.faults import ABOUT, Fault, Kind, Scenario
from sorter_control.sim.soak.injector import Injected, Injector
from sorter_control.sim.soak.person import Person
from sorter_control.sim.soak.site import Site, build
from sorter_control.sim.soak.truth import Verified, verify
from sorter_control.sim.soak.watch import Sign, Watch

_LONGEST_S = 3600.0
_SEEN_WITHIN_S = 40.0

_SIGNS: dict[Kind, frozenset[str]] = {
    Kind.SLIP: frozenset({"LOST", "GAP", "UNEXPECTED"}),
    Kind.TOUCH: frozenset({"GAP"}),
    Kind.CHATTER: frozenset({"GAP", "LOST", "UNEXPECTED"}),
    Kind.TAKE: frozenset({"LOST"}),
    Kind.ADD: frozenset({"UNEXPECTED", "GAP"}),
    Kind.NO_READ: frozenset({"no_read"}),
    Kind.NO_VERDICT: frozenset({"no_verdict"}),
    Kind.LATE_VERDICT: frozenset({"too_late"}),
    Kind.DOUBTFUL_VERDICT: frozenset({"needs_review"}),
    Kind.WRONG_VERDICT: frozenset({"verdict_discarded"}),
    Kind.SECOND_VERDICT: frozenset({"verdict_discarded"}),
    Kind.STUCK_DIVERT: frozenset({"DIVERT_FAIL"}),
    Kind.STUCK_ACROSS: frozenset({"JAM", "held"}),
    Kind.LANE_FULL: frozenset({"LANE_FULL"}),
    Kind.NO_TAKE_AWAY: frozenset({"LANE_FULL"}),
    Kind.LANE_JAM: frozenset({"JAM"}),
    Kind.INFEED_JAM: frozenset({"infeed_jam"}),
    Kind.BELT_STOP: frozenset({"holding", "held"}),
    Kind.ENCODER_DEAD: frozenset({"encoder_fault"}),
    Kind.EYE_OFF: frozenset({"DIVERT_FAIL", "LOST"}),
    Kind.EYE_ON: frozenset({"lane_fault", "JAM", "UNEXPECTED", "DIVERT_FAIL"}),
    Kind.LINK_DOWN: frozenset({"host_lost", "plc_lost"}),
    Kind.HOST_DOWN: frozenset({"host_lost"}),
    Kind.WRITES_LOST: frozenset({"host_lost"}),
    Kind.WRITES_REPEATED: frozenset(),
    Kind.PLC_RESTART: frozenset({"items_swept", "plc_lost"}),
    Kind.HOST_RESTART: frozenset({"controller_restarted"}),
    Kind.CLOCK_SKEW: frozenset(),
    Kind.EMERGENCY_STOP: frozenset({"ESTOP"}),
    Kind.PLC_FROZEN: frozenset({"plc_lost"}),
    Kind.HOST_FROZEN: frozenset({"host_lost"}),
    Kind.SEEN_AGAIN: frozenset({"verdict_known", "plate_twice"}),
    Kind.TWIN: frozenset({"plate_twice"}),
    Kind.POLICY_CHANGE: frozenset({"rule_warranty", "rule_cheap_toys", "rule_dear", "by value"}),
    Kind.ANSWER: frozenset({"operator"}),
}
"""What shows that a fault was noticed; the rest are the names of the rules of outcomes."""
_OF_A_LANE = frozenset({"DIVERT_FAIL", "LANE_FULL", "JAM", "lane_fault", "UNEXPECTED"})


@dataclass(slots=True)
class Result:
    """What came of a shift.

    Attributes:
        scenario: What was asked for.
        verified: Record against truth.
        items: Items that were fed.
        virtual_s: How long it took in virtual time.
        injected: Faults by kind that had something to happen to.
        noticed: By kind and by what showed it.
    """

    scenario: Scenario
    verified: Verified
    items: int = 0
    virtual_s: float = 0.0
    injected: Counter[Kind] = field(default_factory=Counter)
    noticed: dict[Kind, Counter[str]] = field(default_factory=dict)


class Shift:
    """A scenario at work: the line, everything around it, and who watches.

    Args:
        scenario: What goes wrong; more may be added while it runs.

    Attributes:
        site: The line and its surroundings.
        watch: What was noticed.
        injector: Begins and ends the faults.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.site = build(scenario, self._hear)
        self._person = Person(self.site.line)
        self.watch = Watch(self.site.line, self._person)
        self.injector = Injector(self.site)
        self.site.line.watch = self.watch.look

    def run(self, until_s: float) -> None:
        """Let virtual time pass, with faults and people."""
        line = self.site.line
        while line.now_s < until_s:
            self.injector.act()
            self._person.look()
            line.leap(min(self.injector.next_s, self._person.next_s, until_s))

    def finish(self) -> Verified:
        """Run until nothing is on the belt any more, and compare record and truth."""
        line = self.site.line
        end_s = line.now_s + _LONGEST_S + 10 * len(line.rows)
        while not self._at_rest:
            if line.now_s > end_s:
                return Verified([*self.watch.violations, self._stuck()])
            self.run(line.now_s + 1.0)
        return verify(self.site, self.watch)

    @property
    def _at_rest(self) -> bool:
        line = self.site.line
        return line.machine.is_empty and line.settled and self.injector.next_s == math.inf

    def _hear(self, notice: Notice) -> None:
        # A controller may speak while the site is built, before anybody listens.
        if hasattr(self, "watch"):
            self.watch.hear(notice)

    def _stuck(self) -> str:
        line = self.site.line
        items = sorted(line.controller.state.items) if line.controller else []
        return (
            f"the line never came to rest: {line.machine.plc.packml.name}, objects on the belt"
            f" {sorted(line.machine.world.items)}, items of the controller {items}"
        )


def run_shift(scenario: Scenario) -> Result:
    """Run a scenario until its belt is empty, and verify it."""
    shift = Shift(scenario)
    verified = shift.finish()
    line = shift.site.line
    result = Result(scenario, verified, line.machine.fed, line.now_s)
    signs = shift.watch.signs + _rules(shift.site)
    for injected in shift.injector.log:
        _count(result, injected, signs, shift.site)
    return result


def _rules(site: Site) -> list[Sign]:
    """The rules by which items were sent where they are, as signs at the time of the record."""
    epoch = site.line.now.timestamp() - site.line.clock_skew.total_seconds() - site.line.now_s
    return [
        Sign(outcome.ended_at.timestamp() - epoch, _rule(outcome.rule), tid=outcome.tid)
        for outcome in site.line.journal.outcomes()
    ]


def _rule(rule: str) -> str:
    """A rule's name, whatever the grade that a value was reckoned for."""
    return "by value" if rule.startswith("value_") or rule == "worth_a_look" else rule


def _count(result: Result, injected: Injected, signs: list[Sign], site: Site) -> None:
    fault = injected.fault
    if not injected.effect:
        return
    result.injected[fault.kind] += 1
    tids = {tid for tid, serial in site.line.photographs.items() if serial == injected.serial}
    sign = next(
        (sign for sign in signs if _shows(sign, fault, tids)),
        None,
    )
    noticed = result.noticed.setdefault(fault.kind, Counter())
    noticed[sign.name if sign else "without effect"] += 1


def _shows(sign: Sign, fault: Fault, tids: set[int]) -> bool:
    return (
        sign.name in _SIGNS[fault.kind]
        and fault.at_s <= sign.at_s <= fault.end_s + _SEEN_WITHIN_S
        and (not ABOUT[fault.kind].lane or sign.name not in _OF_A_LANE or sign.lane == fault.lane)
        and (not tids or not sign.tid or sign.tid in tids or sign.name in {"UNEXPECTED", "GAP"})
    )
