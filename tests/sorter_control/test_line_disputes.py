"""Who may say what of an item: other hosts, other lives of this one, twins, and a changed policy."""

from __future__ import annotations

import pytest

from model.contract import Ending
from sorter_control.controller.book import LineBook
from sorter_control.controller.decide import decide
from sorter_control.controller.observations import PlcReported
from sorter_control.controller.values import ControllerState, Item, Settings
from sorter_control.errors import SettingsError
from sorter_control.policy import SHIPPED, Policy, parse_policy
from sorter_control.protocol import Event, EventType, HostImage, HostWords
from sorter_control.sim.geometry import LOOP, load_belt
from sorter_control.sim.machine import Machine, Remains
from sorter_control.sim.parameters import set_parameters
from sorter_control.sim.rehearsal import Rehearsal
from sorter_control.sim.soak.site import LOOP_POLICY
from tests.sorter_control.factories import (
    NOW,
    SETTINGS,
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


def test_the_end_of_an_earlier_remap_sweeps_nothing() -> None:
    """It counts items that it has not named to this run of the controller."""
    line = make_rehearsal([])
    image = line.machine.image()
    boot_id = image.status.plc_boot_id

    def seen(*events: Event) -> PlcReported:
        return PlcReported(image.status, image.lanes, image.geometry, events)

    state = ControllerState.of_journal([Item(boot_id, 7, 0, 300, NOW)], LineBook())
    state, _ = decide(state, seen(Event(1, EventType.REMAP_END, aux=2)), NOW, SETTINGS)
    assert [item.tid for item in state.remembered.values()] == [7]
    named = Event(2, EventType.REMAP_ITEM, 7, aux=300)
    state, _ = decide(state, seen(named, Event(3, EventType.REMAP_END, aux=1)), NOW, SETTINGS)
    assert (len(state.remembered), [item.swept for item in state.items.values()]) == (0, [False])


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
