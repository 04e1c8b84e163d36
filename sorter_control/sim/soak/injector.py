"""Faults at their time: what each kind of ``faults.Kind`` does to the line and its site."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from model.contract import GRADES, Override
from sorter_control.controller.observations import Graded, Overridden
from sorter_control.packml import Command
from sorter_control.sim.feed import FeedRow
from sorter_control.sim.lineup import PhysicalItem
from sorter_control.sim.soak.faults import ABOUT, Fault, Kind
from sorter_control.sim.soak.policies import variants
from sorter_control.sim.soak.site import Site, true_grade
from sorter_control.sim.verdicts import verdict

_CLEAR_MM = 300
"""Distance from everything else at which a hand lays an item on the belt."""


@dataclass(slots=True)
class Injected:
    """A fault that has been injected.

    Attributes:
        fault: What was asked for.
        effect: Whether there was anything for it to happen to.
        serial: Object that it happened to, where it is about one.
    """

    fault: Fault
    effect: bool = True
    serial: int | None = None


@dataclass(slots=True)
class Injector:
    """Begins and ends the faults of a site's scenario."""

    site: Site
    log: list[Injected] = field(default_factory=list)
    answers: int = 0
    _planned: int = 0
    _due: list[tuple[float, int, bool, Injected]] = field(default_factory=list)
    _switches: dict[Kind, Callable[[bool], None]] = field(init=False)
    _lane_switches: dict[Kind, Callable[[int, bool], None]] = field(init=False)
    _events: dict[Kind, Callable[[Injected], None]] = field(init=False)

    def __post_init__(self) -> None:
        self._switches = _switches(self.site)
        self._lane_switches = _lane_switches(self.site)
        self._events = {
            Kind.SLIP: self.slip,
            Kind.TOUCH: self.touch,
            Kind.CHATTER: self.chatter,
            Kind.TAKE: self.take,
            Kind.ADD: self.add,
            Kind.SECOND_VERDICT: self.second_verdict,
            Kind.HOST_RESTART: self.restart_host,
            Kind.SEEN_AGAIN: self.seen_again,
            Kind.ANSWER: self.answer,
            Kind.TWIN: self.twin,
            Kind.POLICY_CHANGE: self.change_policy,
        }
        for fault in self.site.scenario.fault:
            self.plan(fault)

    def plan(self, fault: Fault) -> None:
        """Have one more fault begin at its time."""
        self._planned += 1
        heapq.heappush(self._due, (fault.at_s, self._planned, True, Injected(fault)))

    @property
    def next_s(self) -> float:
        """When something begins or ends next."""
        return self._due[0][0] if self._due else math.inf

    def act(self) -> None:
        """Begin and end what is due."""
        while self._due and self._due[0][0] <= self.site.line.now_s:
            _, number, begins, injected = heapq.heappop(self._due)
            fault = injected.fault
            if begins:
                self.log.append(injected)
                if ABOUT[fault.kind].lasts:
                    heapq.heappush(self._due, (fault.end_s, number, False, injected))
            self._do(injected, on=begins)

    def _do(self, injected: Injected, *, on: bool) -> None:
        fault = injected.fault
        if fault.kind in self._switches:
            self._switches[fault.kind](on)
        elif fault.lane is not None:
            self._lane_switches[fault.kind](fault.lane, on)
        elif on:
            self._events[fault.kind](injected)

    # Items ---------------------------------------------------------------------------------

    def on_the_belt(self, least_mm: float = 100.0) -> list[PhysicalItem]:
        """Objects that a hand can reach: on the belt, past the induct photo-eye."""
        world = self.site.line.machine.world
        return [
            item
            for item in world.items.values()
            if item.lane is None
            and item.held_mm is None
            and world.position_mm(item) - item.length_mm > least_mm
        ]

    def slip(self, injected: Injected) -> None:
        """Move an item along the belt, at most until it touches its neighbour."""
        world = self.site.line.machine.world
        items = self.on_the_belt()
        injected.effect = bool(items)
        if not items:
            return
        item = self.site.rng.choice(items)
        injected.serial = item.serial
        wanted = injected.fault.mm or 0.0
        front = world.position_mm(item)
        for other in world.items.values():
            if other is item or other.lane is not None:
                continue
            ahead = world.position_mm(other) - other.length_mm - front
            behind = front - item.length_mm - world.position_mm(other)
            if ahead >= 0:
                wanted = min(wanted, ahead)
            elif behind >= 0:
                wanted = max(wanted, -behind)
        world.slip(item.serial, wanted)

    def take(self, injected: Injected) -> None:
        """Take an item off the belt."""
        world = self.site.line.machine.world
        items = self.on_the_belt()
        injected.effect = bool(items)
        if items:
            item = self.site.rng.choice(items)
            injected.serial = item.serial
            self.site.ghosts.append((item.origin_mm, item.length_mm))
            self.site.taken.add(item.serial)
            world.remove(item.serial)

    def add(self, injected: Injected) -> None:
        """Lay an item on the belt where none is, nor one was."""
        site = self.site
        world, belt = site.line.machine.world, site.line.belt
        length_mm = injected.fault.mm or 0.0
        taken = [(world.position_mm(item), item.length_mm) for item in world.items.values()] + [
            (world.travel_mm - origin, length) for origin, length in site.ghosts
        ]
        places = [
            place
            for place in range(int(length_mm) + 100, belt.run_out_mm - 100, 50)
            if all(
                place - length_mm > front + _CLEAR_MM or place < front - length - _CLEAR_MM
                for front, length in taken
            )
        ]
        injected.effect = bool(places)
        if places:
            site.added += 1
            injected.serial = -site.added
            world.place(-site.added, length_mm, site.rng.choice(places))

    def touch(self, injected: Injected) -> None:
        """Lay the next item close behind the one before it."""
        machine = self.site.line.machine
        injected.effect = machine.fed + 1 < len(machine.rows)
        machine.next_gap_mm = injected.fault.mm

    def seen_again(self, injected: Injected) -> None:
        """Bring an item from the manual lane to the infeed again."""
        line = self.site.line
        manual = line.belt.run_out
        again = [
            row
            for deposit in line.deposits
            if deposit.lane == manual and deposit.serial >= 0
            for row in [line.rows[deposit.serial]]
            if row.item_id
        ]
        injected.effect = bool(again)
        if again:
            row: FeedRow = self.site.rng.choice(again)
            line.rows.insert(line.machine.fed, row)

    def chatter(self, injected: Injected) -> None:
        """Let a photo-eye flicker for a while, in pulses too short for an item."""
        world, rng = self.site.line.machine.world, self.site.rng
        pulse_mm = injected.fault.mm or 0.0
        at_mm = rng.uniform(1, 500)
        flips: list[float] = []
        for _ in range(rng.randint(1, 5)):
            flips += [at_mm, at_mm + pulse_mm]
            at_mm += pulse_mm + rng.uniform(20, 60)
        world.flicker(rng.randrange(len(self.site.line.belt.eyes_mm)), flips)

    def twin(self, injected: Injected) -> None:
        """Lay an item with the plate of another one next on the belt, and let a person answer it."""
        line, rng = self.site.line, self.site.rng
        items = line.controller.state.items.values() if line.controller else ()
        plates = [item.item_id for item in items if item.item_id and not item.swept]
        injected.effect = bool(plates) and not line.machine.feed_is_empty
        if not injected.effect:
            return
        plate = rng.choice(plates)
        row = line.rows[line.machine.fed]
        line.rows.insert(line.machine.fed, row.model_copy(update={"item_id": plate}))
        self._say(str(plate))

    # Verdicts and people -------------------------------------------------------------------

    def second_verdict(self, injected: Injected) -> None:
        """Say once more of every item on the belt that has a verdict what it is, otherwise."""
        controller = self.site.line.controller
        items = controller.state.items.values() if controller else ()
        graded = [item for item in items if item.verdict is not None and item.item_id]
        injected.effect = bool(graded)
        for item in graded:
            other = GRADES[(GRADES.index(true_grade(str(item.item_id))) + 1) % len(GRADES)]
            said = verdict(str(item.item_id), other, f"line-1:{item.plc_boot_id}:{item.tid}")
            self.site.line.tell_later(Graded(item.tid, said), 0.0)

    def restart_host(self, _injected: Injected) -> None:
        """Let the controller's process end and start again at once."""
        self.site.line.kill_controller()
        self.site.line.start_controller()

    def answer(self, injected: Injected) -> None:
        """Let a person answer about an item on the belt."""
        line = self.site.line
        items = line.controller.state.items.values() if line.controller else ()
        named = [item for item in items if item.item_id]
        injected.effect = bool(named) and not line.busy
        if line.controller is None or not injected.effect:
            return
        self._say(str(self.site.rng.choice(named).item_id))

    def change_policy(self, injected: Injected) -> None:
        """Have the site's rules changed while items are on the belt."""
        now = self.site.policies[-1].policy
        others = [each for each in variants(self.site.policies[0].policy) if each != now]
        self.site.change_policy(self.site.rng.choice(others))
        injected.effect = True

    def _say(self, item_id: str) -> None:
        """A person's answer of any grade about an item."""
        line = self.site.line
        if line.controller is None or line.busy:
            return
        grade = self.site.rng.choice(GRADES)
        self.answers += 1
        self.site.answered.setdefault(item_id, set()).add(grade)
        said = Override(
            seq=self.answers,
            override_id=f"o-{self.answers}",
            item_id=item_id,
            grade=grade,
            operator="Ada",
            created_at=line.now,
        )
        line.controller.observe(Overridden((said,)), line.now)


def _switches(site: Site) -> dict[Kind, Callable[[bool], None]]:
    """What is switched on when a fault begins and off when it ends."""
    line, server = site.line, site.server
    machine, wire = line.machine, line.wire

    def link_down(on: bool) -> None:  # noqa: FBT001
        wire.reads_lost = wire.writes_lost = on

    def host_down(on: bool) -> None:  # noqa: FBT001
        if on:
            line.kill_controller()
        elif line.controller is None:
            line.start_controller()

    def plc_down(on: bool) -> None:  # noqa: FBT001
        if not on and not machine.powered:
            machine.restart_plc()
        machine.powered = not on

    def belt_stop(on: bool) -> None:  # noqa: FBT001
        machine.press(Command.HOLD if on else Command.UNHOLD)

    def emergency_stop(on: bool) -> None:  # noqa: FBT001
        machine.estop_ok = not on

    def clock_skew(on: bool) -> None:  # noqa: FBT001
        line.clock_skew = timedelta(hours=-3 if on else 0)

    return {
        Kind.NO_READ: partial(setattr, line, "plates_dirty"),
        Kind.NO_VERDICT: partial(setattr, server, "silent"),
        Kind.LATE_VERDICT: partial(setattr, server, "late"),
        Kind.DOUBTFUL_VERDICT: partial(setattr, server, "doubtful"),
        Kind.WRONG_VERDICT: partial(setattr, server, "wrong"),
        Kind.NO_TAKE_AWAY: partial(setattr, machine.world.chutes, "neglected"),
        Kind.INFEED_JAM: partial(setattr, machine.world, "infeed_jams"),
        Kind.ENCODER_DEAD: partial(setattr, machine.world, "encoder_dead"),
        Kind.WRITES_LOST: partial(setattr, wire, "writes_lost"),
        Kind.WRITES_REPEATED: partial(setattr, wire, "repeats"),
        Kind.PLC_FROZEN: partial(setattr, wire, "frozen"),
        Kind.HOST_FROZEN: partial(setattr, line, "busy"),
        Kind.LINK_DOWN: link_down,
        Kind.HOST_DOWN: host_down,
        Kind.PLC_RESTART: plc_down,
        Kind.BELT_STOP: belt_stop,
        Kind.EMERGENCY_STOP: emergency_stop,
        Kind.CLOCK_SKEW: clock_skew,
    }


def _lane_switches(site: Site) -> dict[Kind, Callable[[int, bool], None]]:
    """As ``_switches``, for faults of one lane."""
    world, belt = site.line.machine.world, site.line.belt

    def eye(lane: int, on: bool, *, sees: bool) -> None:  # noqa: FBT001
        world.force(belt.lane_eye(lane), sees=sees if on else None)

    return {
        Kind.STUCK_DIVERT: lambda lane, on: world.stick(lane, stuck=on),
        Kind.STUCK_ACROSS: lambda lane, on: world.stick_across(lane, stuck=on),
        Kind.LANE_FULL: lambda lane, on: world.fill(lane, full=on),
        Kind.LANE_JAM: lambda lane, _on: world.jammed.add(lane),
        Kind.EYE_OFF: partial(eye, sees=False),
        Kind.EYE_ON: partial(eye, sees=True),
    }
