"""Whole shifts in virtual time: each kind of fault alone, and what must come of it.

Every shift here is also held against the physical truth: no object in a lane that the record does
not say, or says is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from model.contract import Ending, Grade, Outcome
from sorter_control import routing
from sorter_control.controller import grades
from sorter_control.controller.commands import Notice
from sorter_control.controller.observations import Overridden
from sorter_control.controller.values import Settings
from sorter_control.policy import Policy, load_policy
from sorter_control.protocol import Event, EventType, Flag
from sorter_control.sim.geometry import DEFAULT, LOOP, load_belt
from sorter_control.sim.rehearsal import Rehearsal
from sorter_control.sim.soak.chance import random_scenario
from sorter_control.sim.soak.faults import ABOUT, Fault, Kind, Scenario
from sorter_control.sim.soak.shift import Result, run_shift
from sorter_control.sim.soak.site import LOOP_POLICY
from tests.sorter_control.factories import make_override, make_rehearsal, make_rows


def shift(*faults: Fault, items: int = 12, loop: bool = False, seed: int = 1) -> Result:
    result = run_shift(Scenario(seed=seed, items=items, loop=loop, fault=faults))
    assert result.verified.violations == []
    return result


@pytest.mark.parametrize(
    ("fault", "sign"),
    [
        (Fault(kind=Kind.SLIP, at_s=6, mm=150), {"LOST", "GAP"}),
        (Fault(kind=Kind.TOUCH, at_s=4, mm=100), "GAP"),
        (Fault(kind=Kind.TAKE, at_s=7), "LOST"),
        (Fault(kind=Kind.ADD, at_s=2, mm=200), "UNEXPECTED"),
        (Fault(kind=Kind.NO_READ, at_s=1, for_s=5), "no_read"),
        (Fault(kind=Kind.NO_VERDICT, at_s=1, for_s=5), "no_verdict"),
        (Fault(kind=Kind.LATE_VERDICT, at_s=1, for_s=5), "too_late"),
        (Fault(kind=Kind.DOUBTFUL_VERDICT, at_s=1, for_s=5), "needs_review"),
        (Fault(kind=Kind.WRONG_VERDICT, at_s=1, for_s=5), "verdict_discarded"),
        (Fault(kind=Kind.SECOND_VERDICT, at_s=7), "verdict_discarded"),
        (Fault(kind=Kind.STUCK_DIVERT, at_s=1, for_s=40, lane=1), "DIVERT_FAIL"),
        (Fault(kind=Kind.STUCK_ACROSS, at_s=5, lane=2), "JAM"),
        (Fault(kind=Kind.LANE_FULL, at_s=5, for_s=20, lane=2), "LANE_FULL"),
        (Fault(kind=Kind.LANE_JAM, at_s=1, lane=1), "JAM"),
        (Fault(kind=Kind.INFEED_JAM, at_s=3), "infeed_jam"),
        (Fault(kind=Kind.BELT_STOP, at_s=5, for_s=10), {"holding", "held"}),
        (Fault(kind=Kind.ENCODER_DEAD, at_s=6), "encoder_fault"),
        (Fault(kind=Kind.EYE_OFF, at_s=1, for_s=30, lane=1), "DIVERT_FAIL"),
        (Fault(kind=Kind.EYE_ON, at_s=1, for_s=30, lane=1), "lane_fault"),
        (Fault(kind=Kind.LINK_DOWN, at_s=4, for_s=6), "plc_lost"),
        (Fault(kind=Kind.HOST_DOWN, at_s=4, for_s=6), "host_lost"),
        (Fault(kind=Kind.WRITES_LOST, at_s=4, for_s=6), "host_lost"),
        (Fault(kind=Kind.PLC_RESTART, at_s=9, for_s=2), "plc_lost"),
        (Fault(kind=Kind.EMERGENCY_STOP, at_s=6, for_s=4), "ESTOP"),
        (Fault(kind=Kind.PLC_FROZEN, at_s=4, for_s=4), "plc_lost"),
        (Fault(kind=Kind.HOST_FROZEN, at_s=4, for_s=4), "host_lost"),
        (Fault(kind=Kind.TWIN, at_s=4), "plate_twice"),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Fault) else None,
)
def test_a_fault_alone_is_noticed_and_nothing_lies_where_the_record_does_not_say(
    fault: Fault, sign: str | set[str]
) -> None:
    result = shift(fault)
    assert result.injected == {fault.kind: 1}
    assert set(result.noticed[fault.kind]) <= ({sign} if isinstance(sign, str) else sign)


def test_policies_change_while_items_are_on_the_belt() -> None:
    changes = [Fault(kind=Kind.POLICY_CHANGE, at_s=at_s) for at_s in (3, 9, 15, 21, 27)]
    result = shift(*changes, items=40)
    assert result.injected == {Kind.POLICY_CHANGE: 5}
    assert set(result.noticed[Kind.POLICY_CHANGE]) == {"rule_warranty", "by value"}


@pytest.mark.parametrize(
    ("kind", "bug", "violation"),
    [
        (Kind.POLICY_CHANGE, (Policy, "rule_for"), "the rule .* does not lead there"),
        (Kind.POLICY_CHANGE, (routing, "expected_values"), "brings more"),
        (Kind.TWIN, (grades, "_tracked"), "are both sold as"),
    ],
)
def test_a_bug_in_rules_values_or_twins_is_a_violation(
    monkeypatch: pytest.MonkeyPatch, kind: Kind, bug: tuple[object, str], violation: str
) -> None:
    worst_first = {"salvage": 2e9, "repair": 1e9}
    monkeypatch.setattr(*bug, lambda *_: worst_first if bug[0] is routing else None)
    faults = tuple(Fault(kind=kind, at_s=at_s) for at_s in range(3, 50, 4))
    violations = run_shift(Scenario(seed=1, items=60, fault=faults)).verified.violations
    assert any(re.search(violation, each) for each in violations), violations


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=Kind.SLIP, at_s=6, mm=60),
        Fault(kind=Kind.CHATTER, at_s=4, mm=10),
        Fault(kind=Kind.WRITES_REPEATED, at_s=1, for_s=30),
        Fault(kind=Kind.CLOCK_SKEW, at_s=5, for_s=8),
        Fault(kind=Kind.BELT_STOP, at_s=5, for_s=10),
        Fault(kind=Kind.LINK_DOWN, at_s=9, for_s=0.5),
        Fault(kind=Kind.HOST_RESTART, at_s=9),
    ],
    ids=lambda fault: fault.kind.value,
)
def test_what_the_line_has_to_bear_costs_no_item_its_lane(fault: Fault) -> None:
    sound, faulty = shift().verified, shift(fault).verified
    assert (faulty.in_lane, faulty.manual, faulty.lost) == (sound.in_lane, sound.manual, 0)


def test_without_faults_every_item_lies_in_its_lane_across_a_wrap_of_the_encoder() -> None:
    scenario = Scenario(seed=3, items=20, encoder_start=2**32 - 6000)
    verified = run_shift(scenario).verified
    assert verified.violations == []
    assert (verified.in_lane + verified.manual, verified.lost, verified.reported) == (20, 0, 0)
    assert verified.in_lane > 15


@pytest.mark.slow
@pytest.mark.parametrize("path", [DEFAULT, LOOP], ids=["belt", "loop"])
@pytest.mark.parametrize("seed", range(3))
def test_faults_of_every_kind_mixed(path: object, seed: int) -> None:
    belt = load_belt(LOOP if path == LOOP else DEFAULT)
    result = run_shift(random_scenario(1000 + seed, 40, belt, items_per_fault=2))
    assert result.verified.violations == []
    assert result.injected.total() > 10


_FIVE = [
    Fault(kind=Kind.NO_VERDICT, at_s=63.48, for_s=2.92),
    Fault(kind=Kind.CHATTER, at_s=69.28, mm=5.7),
    Fault(kind=Kind.PLC_FROZEN, at_s=73.86, for_s=16.87),
    Fault(kind=Kind.EMERGENCY_STOP, at_s=76.36, for_s=0.27),
    Fault(kind=Kind.TAKE, at_s=76.77),
    Fault(kind=Kind.POLICY_CHANGE, at_s=78.52),
    Fault(kind=Kind.BELT_STOP, at_s=98.73, for_s=1.51),
    Fault(kind=Kind.INFEED_JAM, at_s=120.12),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "items", "encoder_start", "faults"),
    [
        (5000015, 400, 3725841655, _FIVE),
        (2000029, 200, 1475562334, [Fault(kind=Kind.INFEED_JAM, at_s=97.9)]),
    ],
)
def test_what_a_soak_once_found(
    seed: int, items: int, encoder_start: int, faults: list[Fault]
) -> None:
    scenario = Scenario(
        seed=seed, items=items, loop=True, encoder_start=encoder_start, fault=tuple(faults)
    )
    assert run_shift(scenario).verified.violations == []


def test_every_kind_of_fault_has_its_row_and_its_random_form() -> None:
    assert set(ABOUT) == set(Kind)
    assert {about.number for about in ABOUT.values()} == set(range(21))


# What the controller does about some of them ------------------------------------------------


def outcomes(line: Rehearsal) -> dict[str | None, Outcome]:
    line.run_until_empty(300)
    return {outcome.item_id: outcome for outcome in line.journal.outcomes()}


@pytest.fixture
def round_line() -> Callable[..., Rehearsal]:
    def make(count: int, notify: Callable[[Notice], None] | None = None) -> Rehearsal:
        line = make_rehearsal(make_rows(count), belt=load_belt(LOOP))
        line.settings = Settings("line-1", load_policy(LOOP_POLICY))
        line.kill_controller()
        if notify is not None:
            line.notify = notify
        line.start_controller()
        return line

    return make


def test_an_item_whose_lane_is_full_goes_round_until_there_is_room(
    round_line: Callable[..., Rehearsal],
) -> None:
    line = round_line(3)
    line.machine.world.fill(3)
    line.run(18)
    line.machine.world.fill(3, full=False)
    ended = outcomes(line)
    assert (ended["RET-2"].lane, ended["RET-2"].rule) == ("repair", "grade_repairable")
    assert len(line.photographs) == 3, "it was not photographed again"


def test_an_item_that_has_gone_round_too_often_ends_in_the_manual_lane(
    round_line: Callable[..., Rehearsal],
) -> None:
    notices: list[Notice] = []
    line = round_line(3, notices.append)
    line.machine.world.fill(3)
    ended = outcomes(line)
    assert (ended["RET-2"].lane, ended["RET-2"].rule) == ("manual", "no_open_lane")
    rounds = [notice for notice in notices if notice.event == "recirculated"]
    assert len(rounds) == line.belt.max_recirculations


def test_an_item_that_goes_round_while_the_plc_restarts_comes_to_one_end(
    round_line: Callable[..., Rehearsal],
) -> None:
    line = round_line(3)
    line.machine.world.fill(3)
    while not any(item.lane == line.belt.loop_lane for item in line.machine.world.items.values()):
        line.step()
    line.kill_plc()
    line.machine.world.fill(3, full=False)
    line.run_until_empty(300)
    ends = [outcome for outcome in line.journal.outcomes() if outcome.item_id == "RET-2"]
    assert [(outcome.ending, outcome.lane) for outcome in ends] == [
        (Ending.LOST, None),
        (Ending.DIVERTED, "repair"),
    ]


def test_a_photo_eye_that_flickers_after_a_restart_of_the_plc_is_no_success() -> None:
    """The item is swept, and would be where its lane's photo-eye is when that sees something."""
    shift(
        Fault(kind=Kind.PLC_RESTART, at_s=14.36, for_s=0.53),
        Fault(kind=Kind.EYE_ON, at_s=30.87, for_s=0.48, lane=4),
        items=10,
        seed=7288,
    )


def test_a_person_steers_an_item_while_it_comes_round(
    round_line: Callable[..., Rehearsal],
) -> None:
    line = round_line(3)
    line.machine.world.fill(3)
    controller = line.controller
    assert controller is not None
    while not any(item.returning for item in controller.state.items.values()):
        line.step()
    controller.observe(Overridden((make_override("RET-2", Grade.SALVAGE),)), line.now)
    assert (outcomes(line)["RET-2"].lane, outcomes(line)["RET-2"].rule) == ("salvage", "operator")


def test_a_host_that_was_lost_asks_what_the_plc_still_tracks() -> None:
    line = make_rehearsal(make_rows(8))
    line.run(8)
    seen: list[Event] = []
    line.watch = lambda: seen.extend(line.machine.plc.ring)
    line.wire.writes_lost = True
    line.run(2)
    assert Flag.HOST_LOST in line.machine.image().status.flags
    line.wire.writes_lost = False
    line.run(1)
    assert EventType.REMAP_END in {event.type for event in seen}
    assert {outcome.lane for outcome in outcomes(line).values()} >= {"restock", "salvage"}


def test_a_write_of_an_earlier_run_of_the_controller_that_comes_late_counts_for_nothing() -> None:
    line = make_rehearsal(make_rows(6))
    line.run(6)
    old = line.machine.host
    line.kill_controller()
    line.start_controller()
    line.run(1)
    line.machine.host = old
    line.machine.advance(3)
    assert line.machine.plc.host_boot_id != old.host.host_boot_id
    assert {outcome.ending for outcome in outcomes(line).values()} == {Ending.DIVERTED}


def test_a_clock_that_is_wrong_changes_nothing_but_the_times_in_the_record() -> None:
    line = make_rehearsal(make_rows(4))
    line.run(3)
    line.clock_skew = timedelta(days=-400)
    assert {outcome.ending for outcome in outcomes(line).values()} == {Ending.DIVERTED}
