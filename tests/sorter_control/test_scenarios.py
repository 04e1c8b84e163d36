"""Scenario files, random scenarios, and the soak that runs them."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from sorter_control.cli import register
from sorter_control.errors import SettingsError
from sorter_control.protocol import EventType
from sorter_control.sim.geometry import Belt, load_belt
from sorter_control.sim.plc import confirming, tracking
from sorter_control.sim.plc.state import PlcState, Track
from sorter_control.sim.soak import run as soak
from sorter_control.sim.soak.chance import random_scenario
from sorter_control.sim.soak.faults import Kind, Scenario, load_scenario
from sorter_control.sim.soak.shift import run_shift


def run(*words: object) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_scenario_survives_its_file(tmp_path: Path) -> None:
    scenario = random_scenario(5, 60, load_belt(), items_per_fault=1)
    assert {fault.kind for fault in scenario.fault} > {Kind.SLIP, Kind.LANE_FULL}
    path = tmp_path / "scenario.toml"
    path.write_text(scenario.to_toml())
    assert load_scenario(path) == scenario


def test_the_same_seed_gives_the_same_scenario_and_the_same_shift() -> None:
    first, second = (random_scenario(8, 10, load_belt(), items_per_fault=2) for _ in range(2))
    assert first == second != random_scenario(9, 10, load_belt(), items_per_fault=2)
    assert run_shift(first) == run_shift(second)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("items = 0", "items"),
        ("[[fault]]\nkind = 'meteor'\nat_s = 1.0", "fault.0.kind"),
        ("[[fault]]\nkind = 'stuck_divert'\nat_s = 1.0\nfor_s = 2.0", "stuck_divert needs lane"),
        ("[[fault]]\nkind = 'take'\nat_s = 1.0\nlane = 2", "take takes no lane"),
        ("[[fault]]\nkind = 'slip'\nat_s = 1.0\nmm = 9000.0", "slip takes mm from -400 to 400"),
        ("[[fault]\nkind", "scenario"),
    ],
)
def test_a_mistake_in_a_scenario_is_named(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"scenario\.toml") as error:
        load_scenario(path)
    assert problem in str(error.value)
    result = run("soak", "--scenario", path)
    assert (result.exit_code, "Traceback" in result.output) == (2, False)


def test_a_soak_says_what_was_injected_and_what_noticed_it() -> None:
    result = run("soak", "--items", 20, "--seed", 4)
    assert result.exit_code == 0
    assert "mis-sorts unreported" in result.stdout
    assert "items per minute" in result.stdout


def test_a_shift_that_breaks_an_invariant_ends_the_soak_with_its_smallest_scenario(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PLC that calls every item that failed to be diverted a success."""

    def boast(state: PlcState, _belt: Belt, track: Track) -> None:
        state.tracks.remove(track)
        state.report(EventType.DIVERTED, track.tid, lane=track.firing)

    monkeypatch.setattr(tracking, "missed", boast)
    faulty = random_scenario(1, 12, load_belt(), items_per_fault=4).model_dump(mode="json")
    faulty["fault"] = [
        {"kind": "no_read", "at_s": 30.0, "for_s": 1.0},
        {"kind": "stuck_divert", "at_s": 1.0, "for_s": 60.0, "lane": 1},
    ]
    scenario = Scenario.model_validate(faulty)
    monkeypatch.setattr(soak, "_scenarios", lambda _items, _seed: iter([scenario]))
    failure = tmp_path / "failure.toml"
    result = run("soak", "--items", 12, "--failure", failure)
    assert result.exit_code == 1
    assert "is recorded in restock" in result.stdout
    smallest = load_scenario(failure)
    assert [fault.kind for fault in smallest.fault] == [Kind.STUCK_DIVERT]
    assert smallest.items < 12


def test_a_plc_that_matches_by_order_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """First in, first out at the lanes' photo-eyes: every later item gets its neighbour's lane."""

    def in_order(state: PlcState, belt: Belt, lane: int) -> None:
        eye = state.eyes[belt.lane_eye(lane)]
        eye.tid = state.tracks[0].tid if state.tracks else 0

    monkeypatch.setattr(confirming, "arrives", in_order)
    assert run_shift(Scenario(seed=2, items=10)).verified.in_lane < 5
