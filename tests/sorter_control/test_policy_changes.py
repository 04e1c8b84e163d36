"""A policy tried on items, and changed under a running controller."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
import typer
from typer.testing import CliRunner, Result

from model.contract import Grade, ItemFacts
from sorter_control.cli import register
from sorter_control.controller.controller import Controller
from sorter_control.controller.journal import Journal
from sorter_control.controller.observations import Graded
from sorter_control.controller.policy_file import PolicyFile
from sorter_control.controller.server import Server
from sorter_control.controller.service import Rhythm, Sorting
from sorter_control.drivers.memory import MemoryPlc
from sorter_control.dry_run import DryItem, decide_dry, load_items, moves
from sorter_control.errors import SettingsError
from sorter_control.packml import Command
from sorter_control.policy import SHIPPED
from sorter_control.sim.camera import CameraStation
from sorter_control.sim.geometry import load_belt
from sorter_control.sim.machine import Machine
from tests.sorter_control.factories import (
    SETTINGS,
    make_override,
    make_rehearsal,
    make_rows,
    make_verdict,
    until,
)
from tests.sorter_control.fake_server import FakeServer, camera_of

SHIPPED_TEXT = SHIPPED.read_text()
WARRANTY = '\n[[rules]]\nname = "warranty"\nwhen = { in_warranty = true }\nlane = "manual"\n'


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_bytes(SHIPPED.read_bytes())
    return path


def item(number: int, **facts: Any) -> DryItem:
    known = ItemFacts.model_validate({"item_id": f"RET-{number}", **facts})
    return DryItem(facts=known, verdict=make_verdict(known.item_id, Grade.NEW))


def add(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def follow(followed: PolicyFile, times: int = 2) -> list[object]:
    """Polls of the file; a change counts at the second."""
    return [followed.reload(5) for _ in range(times)]


def test_a_changed_policy_is_taken_once_and_the_log_says_who_would_go_elsewhere(
    policy: Path,
) -> None:
    followed = PolicyFile(policy)
    followed.remember(item(1))
    followed.remember(item(2, in_warranty=True))
    assert follow(followed) == [None, None]
    add(policy, WARRANTY)
    structlog.reset_defaults()
    with structlog.testing.capture_logs() as log:
        taken = follow(followed, 4)
    assert taken == [None, followed.policy, None, None]
    assert followed.policy.rules[0].name == "warranty"
    (line,) = log
    assert (line["event"], line["tried_on"], line["would_go_elsewhere"]) == ("policy_changed", 2, 1)
    assert line["items"] == {"RET-2": "restock -> manual"}


def test_a_file_that_is_still_being_written_is_waited_for(policy: Path) -> None:
    """Its first half may be a policy, and not the one that is meant."""
    followed = PolicyFile(policy)
    add(policy, WARRANTY)
    assert followed.reload(5) is None
    add(policy, WARRANTY.replace('"warranty"', '"second"'))
    assert followed.reload(5) is None
    taken = followed.reload(5)
    assert taken is not None
    assert len(taken.rules) == 2


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda text: text.replace('recalled = "manual"\n', ""), "recalled"),
        (lambda text: text + "[[rules", "policy.toml"),
        (lambda text: text.replace("salvage = 4", "salvage = 6"), "restart the controller"),
        (lambda _text: "", "lanes"),
    ],
)
def test_a_bad_file_is_an_alarm_and_the_old_policy_stays(
    policy: Path, change: Any, problem: str
) -> None:
    followed = PolicyFile(policy)
    before, text = followed.policy, policy.read_text()
    policy.write_text(change(text))
    assert follow(followed) == [None, None]
    assert followed.policy is before
    assert problem in str(followed.outage.alarm)
    assert "stays in force" in str(followed.outage.alarm)
    policy.write_text(text + WARRANTY)
    assert follow(followed)[1] is followed.policy
    assert followed.outage.alarm is None


def test_a_policy_that_is_put_back_as_it_was_ends_the_alarm(policy: Path) -> None:
    followed = PolicyFile(policy)
    text = policy.read_text()
    policy.unlink()
    assert follow(followed) == [None, None]
    assert "policy.toml" in str(followed.outage.alarm)
    policy.write_text(text)
    assert follow(followed) == [None, None]
    assert followed.outage.alarm is None


def test_a_change_is_not_tried_on_verdicts_that_were_discarded(policy: Path) -> None:
    followed = PolicyFile(policy)
    line = make_rehearsal(make_rows(2))
    line.run(4)
    assert line.controller is not None
    nobody = cast("Any", None)
    sorting = Sorting(
        line.controller, cast("Any", line.journal), nobody, nobody, nobody, {}, Rhythm(), followed
    )
    first = min(line.controller.state.items)
    sorting._observe(Graded(first, make_verdict("RET-0", Grade.SALVAGE)))
    structlog.reset_defaults()
    with structlog.testing.capture_logs() as log:
        add(policy, WARRANTY)
        follow(followed)
    assert [line["tried_on"] for line in log if line["event"] == "policy_changed"] == [0]


async def test_a_running_controller_follows_its_policy_file(
    policy: Path, station: CameraStation, server: FakeServer
) -> None:
    machine = Machine(load_belt(), [])
    machine.press(Command.RESET, Command.START)
    followed = PolicyFile(policy)
    journal = Journal(":memory:")
    stop = asyncio.Event()
    async with camera_of(station) as camera:
        controller = Controller(SETTINGS, journal)
        sorting = Sorting(
            controller,
            journal,
            MemoryPlc(lambda: machine),
            camera,
            Server(server.client),
            {},
            Rhythm(policy_s=0.01, publish_s=0.01),
            followed,
        )
        running = asyncio.create_task(sorting.run(stop))
        await until(lambda: controller.state.status is not None or running.done())
        await asyncio.to_thread(policy.write_text, "broken")
        await until(
            lambda: (
                any("routing policy" in alarm for s in server.states for alarm in s.alarms)
                or running.done()
            )
        )
        assert controller.settings.policy == SETTINGS.policy
        await asyncio.to_thread(policy.write_text, SHIPPED_TEXT + WARRANTY)
        await until(lambda: bool(controller.settings.policy.rules) or running.done())
        assert controller.settings.policy == followed.policy
        stop.set()
        await running
    journal.close()


# The dry run ------------------------------------------------------------------------------


def record(number: int, grade: Grade | None) -> dict[str, Any]:
    """An item as ``GET /v1/items/ID`` gives it, newest first."""
    item_id = f"RET-{number}"
    answers = [make_override(item_id, grade, 2), make_override(item_id, Grade.SALVAGE, 1)]
    return {
        "item_id": item_id,
        "facts": {"item_id": item_id},
        "current": {"status": "answered", "grade": grade, "lane": "manual", "ending": "diverted"},
        "gradings": [make_verdict(item_id, Grade.NEW).model_dump(mode="json")],
        "overrides": [answer.model_dump(mode="json") for answer in answers] if grade else [],
        "outcomes": [],
    }


@pytest.fixture
def items(tmp_path: Path) -> Path:
    rows = [
        {"facts": {"item_id": "RET-1", "in_warranty": True}},
        item(2, in_warranty=True).model_dump(mode="json"),
        record(3, None),
        record(4, Grade.LIGHTLY_USED),
        {"facts": None, "verdict": None},
    ]
    path = tmp_path / "items.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    return path


def test_items_come_from_facts_and_verdicts_or_from_the_servers_records(items: Path) -> None:
    decided = [decide_dry(each, SETTINGS.policy) for each in load_items(items)]
    assert [decision.rule for decision in decided] == [
        "no_verdict",
        "grade_new",
        "grade_new",
        "operator",
        "no_facts",
    ]
    assert decided[3].lane == "open-box", "the newest answer"


@pytest.mark.parametrize(
    "line", ["{", '{"facts": {"item_id": "A", "colour": 1}}', "[]", '{"gradings": []}']
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "items.jsonl"
    path.write_text('{"facts": {"item_id": "A"}}\n' + line)
    with pytest.raises(SettingsError, match="line 2"):
        load_items(path)


def test_only_items_that_change_their_lane_move(policy: Path) -> None:
    add(policy, WARRANTY)
    after = PolicyFile(policy).policy
    given = [item(1), item(2, in_warranty=True), item(3, in_warranty=True, recalled=True)]
    (move,) = moves(given, SETTINGS.policy, after)
    assert (move.item_id, move.before.lane, move.after.rule) == (
        "RET-2",
        "restock",
        "rule_warranty",
    )
    assert not moves(given, SETTINGS.policy, after, frozenset({"restock", "open-box"}))


def run(*words: object) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, [str(word) for word in words])


def test_route_says_the_lane_of_many_items(items: Path) -> None:
    result = run("route", "--items", items)
    assert result.stdout.splitlines() == [
        "RET-1: manual",
        "RET-2: restock",
        "RET-3: restock",
        "RET-4: open-box",
        "unknown: manual",
    ]


def test_route_compares_two_policies(items: Path, policy: Path) -> None:
    add(policy, WARRANTY)
    result = run("route", "--items", items, "--against", policy, "--explain")
    assert result.stdout.splitlines() == [
        "RET-2: restock -> manual",
        "rule: grade_new",
        "The model says new at 94%, expected cost 0.10: restock.",
        "rule: rule_warranty",
        "The rule warranty applies (in warranty): manual.",
        "1 of 5 items would go elsewhere",
    ]


def test_route_wants_one_item_or_many(items: Path) -> None:
    assert "either --item or --items" in run("route").stderr
    assert run("route", "--item", items, "--items", items).exit_code == 2
