"""Who may say what of an item: other hosts, other lives of this one, twins, and a changed policy."""

from __future__ import annotations

import pytest

from model.contract import Ending, Grade, ItemFacts
from sorter_control.controller.values import Overridden, Settings
from sorter_control.errors import SettingsError
from sorter_control.policy import SHIPPED, Policy, parse_policy
from sorter_control.protocol import HostImage, HostWords
from sorter_control.sim.geometry import LOOP, load_belt
from sorter_control.sim.machine import Machine, Remains
from sorter_control.sim.parameters import set_parameters
from sorter_control.sim.rehearsal import Rehearsal
from sorter_control.sim.soak.site import LOOP_POLICY
from tests.sorter_control.factories import (
    make_override,
    make_rehearsal,
    make_rows,
)

_RULE = """
[[rules]]
name = "cheap"
when = { price_below = 8 }
lane = "salvage"
otherwise = []
"""


def policy_with(more: str, *, instead: tuple[str, str] = ("", "")) -> Policy:
    text = SHIPPED.read_text().replace(*instead) + more
    return parse_policy(text.encode(), SHIPPED)


def restarted(line: Rehearsal, policy: Policy) -> None:
    line.kill_controller()
    line.settings = Settings("line-1", policy)
    line.start_controller()


@pytest.mark.parametrize("boot_id", [0, 999])
def test_one_write_of_another_host_costs_no_item_its_record(boot_id: int) -> None:
    line = make_rehearsal(make_rows(8))
    line.run(3)
    line.machine.host = HostImage(HostWords(host_boot_id=boot_id, host_heartbeat=17))
    line.run_until_empty(90)
    endings = [outcome.ending for outcome in line.journal.outcomes()]
    assert len(endings) == 8
    assert endings.count(Ending.DIVERTED) >= 6


@pytest.mark.parametrize("with_answer", [False, True])
def test_neither_a_rule_nor_a_person_can_tell_twins_apart(with_answer: bool) -> None:
    rows = make_rows(1)
    facts = {"RET-0": ItemFacts(item_id="RET-0", list_price=5)}
    line = make_rehearsal([rows[0], rows[0]], facts=facts)
    restarted(line, policy_with("" if with_answer else _RULE))
    if with_answer:
        assert line.controller is not None
        answer = make_override("RET-0", Grade.REPAIRABLE)
        line.controller.observe(Overridden((answer,)), line.now)
    line.run_until_empty(60)
    _, second = sorted(line.journal.outcomes(), key=lambda outcome: outcome.tid)
    assert (second.lane, second.rule) == ("manual", "plate_twice")


def test_a_hold_holds_twins_too() -> None:
    rows = make_rows(1)
    facts = {"RET-0": ItemFacts(item_id="RET-0", recalled=True)}
    line = make_rehearsal([rows[0], rows[0]], facts=facts)
    line.run_until_empty(60)
    assert {outcome.rule for outcome in line.journal.outcomes()} == {"hold_recalled"}


def test_items_whose_lane_has_another_name_after_a_restart_run_out() -> None:
    line = make_rehearsal(make_rows(6))
    line.run(6)
    restarted(line, policy_with("", instead=("restock", "back-to-stock")))
    line.run_until_empty(90)
    outcomes = line.journal.outcomes()
    assert len(outcomes) == 6
    for outcome in outcomes:
        if outcome.ending is Ending.DIVERTED:
            assert outcome.lane != "manual"


@pytest.mark.parametrize("lane", ["manual", "repair"])
def test_the_way_back_is_no_place_for_items(lane: str) -> None:
    text = LOOP_POLICY.read_text()
    policy = parse_policy(text.encode(), LOOP_POLICY)
    assert policy.recirculate is not None
    name = policy.recirculate.lane
    broken = text.replace(f'[recirculate]\nlane = "{name}"', f'[recirculate]\nlane = "{lane}"')
    assert broken != text
    with pytest.raises(SettingsError, match="the way back is no place"):
        parse_policy(broken.encode(), LOOP_POLICY)


def test_the_way_back_is_no_default() -> None:
    machine = Machine(load_belt(LOOP), [])
    assert not set_parameters(machine, {"default_lane": machine.belt.loop_lane})
    assert set_parameters(machine, {"default_lane": machine.belt.run_out})


def test_what_an_older_version_left_is_refused() -> None:
    with pytest.raises(ValueError, match="boot_id"):
        Remains.model_validate({"travel_mm": 1.0, "boot_id": 3})
