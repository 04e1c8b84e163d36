"""The live page commands a line: in Chromium, with a line that answers as a controller does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from model.contract import (
    Alarm,
    AlarmPriority,
    AlarmState,
    CommandKind,
    LaneClosure,
    LineState,
)
from tests.inference.inference_factories import line_state

pytestmark = pytest.mark.slow

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUNNING = (CommandKind.STOP, CommandKind.HOLD, CommandKind.SUSPEND, CommandKind.ABORT)


class Line:
    """A line whose controller is the test; it reports twice a second until it is silenced."""

    def __init__(self, api: httpx.Client) -> None:
        self._api = api
        self._after = 0
        self._state = line_state()
        self._silent = threading.Event()
        self._reporting = threading.Thread(target=self._report)
        self._reporting.start()

    def falls_silent(self) -> None:
        self._silent.set()
        self._reporting.join()

    def _report(self) -> None:
        while not self._silent.wait(0.5):
            self._put(self._state)

    def shows(
        self,
        packml: str = "EXECUTE",
        allowed: tuple[CommandKind, ...] | None = RUNNING,
        *,
        lane: dict[str, object] | None = None,
        **more: object,
    ) -> None:
        state = line_state(counts=(12, 3, 4, 5, 6))
        lanes = [each.model_copy(update={"is_default": each.number == 5}) for each in state.lanes]
        lanes[1] = lanes[1].model_copy(update=lane or {})
        update = {"packml_state": packml, "allowed": allowed, "lanes": tuple(lanes), **more}
        self._state = state.model_copy(update=update)
        self._put(self._state)

    def _put(self, state: LineState) -> None:
        path = "/v1/lines/line1/state"
        self._api.put(path, json=state.model_dump(mode="json")).raise_for_status()

    def hears(self) -> dict[str, Any]:
        """The next command."""
        query = {"after": self._after, "wait_s": 10}
        reply = self._api.get("/v1/lines/line1/commands/open", params=query).json()
        command: dict[str, Any] = reply["commands"][0]["command"]
        self._after = command["seq"]
        return command

    def hears_nothing_more(self) -> None:
        query = {"after": self._after}
        reply = self._api.get("/v1/lines/line1/commands/open", params=query).json()
        assert reply["commands"] == []

    def answers(self, command: dict[str, Any], status: str, reason: str) -> None:
        result = {
            "command_id": command["command_id"],
            "status": status,
            "reason": reason,
            "at": NOW.isoformat(),
        }
        path = "/v1/lines/line1/commands/results"
        self._api.post(path, json=[result]).raise_for_status()


@pytest.fixture
def line(api: httpx.Client, page: Page) -> Iterator[Line]:
    """A line that the page shows."""
    made = Line(api)
    made.shows()
    page.goto("/line")
    yield made
    made.falls_silent()


def button(page: Page, kind: str) -> Any:
    return page.locator(f"[data-command={kind}]")


def press(page: Page, target: Any, for_ms: int) -> None:
    target.hover()
    page.mouse.down()
    page.wait_for_timeout(for_ms)
    page.mouse.up()


def alarm(state: AlarmState = AlarmState.UNACKNOWLEDGED_ACTIVE) -> Alarm:
    return Alarm(
        alarm_id="line1:estop:1",
        line_id="line1",
        revision=1,
        condition="emergency-stop",
        priority=AlarmPriority.CRITICAL,
        state=state,
        text="Emergency stop",
        action="Make the machine safe",
        began_at=NOW,
        acknowledged_by="Ben",
        changed_at=NOW,
    )


def test_stop_is_one_tap_and_the_page_says_what_became_of_it(page: Page, line: Line) -> None:
    button(page, "stop").click()
    expect(page.locator("#telling")).to_contain_text("Stop: sent")
    told = line.hears()
    assert (told["kind"], told["operator"]) == ("stop", "Anna")
    line.answers(told, "done", "The line is in Stopped")
    expect(page.locator("#telling")).to_contain_text("Stop: done. The line is in Stopped")
    expect(page.locator(".commands")).to_contain_text("no emergency stop")


def test_a_refusal_is_told_with_its_reason(page: Page, line: Line) -> None:
    button(page, "hold").click()
    line.answers(line.hears(), "refused", "Hold is not possible in Idle")
    expect(page.locator("#telling")).to_contain_text("Hold: refused. Hold is not possible in Idle")


def test_start_is_pressed_and_held(page: Page, line: Line) -> None:
    line.shows("IDLE", (CommandKind.START, CommandKind.STOP, CommandKind.ABORT))
    start = button(page, "start")
    expect(start).to_be_enabled()
    press(page, start, 300)
    start.click()
    line.hears_nothing_more()
    press(page, start, 1400)
    assert line.hears()["kind"] == "start"


OFFERED: list[tuple[str, tuple[CommandKind, ...] | None, set[str]]] = [
    ("EXECUTE", RUNNING, {"stop", "hold"}),
    ("ABORTED", (CommandKind.CLEAR,), {"clear"}),
    ("STOPPED", (CommandKind.RESET, CommandKind.ABORT), {"reset"}),
    ("HELD", (CommandKind.STOP, CommandKind.UNHOLD), {"stop", "continue"}),
    ("SUSPENDED", (CommandKind.STOP, CommandKind.UNSUSPEND), {"stop", "continue"}),
    ("ABORTING", (), set()),
    ("IDLE", None, set()),
]


def test_only_what_the_state_allows_is_offered(page: Page, line: Line) -> None:
    for packml, allowed, enabled in OFFERED:
        line.shows(packml, allowed)
        expect(page.locator("#packml")).to_have_text(packml.lower())
        for kind in ("stop", "hold", "clear", "reset", "start", "continue"):
            each = expect(button(page, kind))
            (each.to_be_enabled if kind in enabled else each.to_be_disabled)()


def test_a_silent_controller_is_not_commanded_and_the_page_says_why(page: Page, line: Line) -> None:
    expect(button(page, "stop")).to_be_enabled()
    line.falls_silent()
    expect(button(page, "stop")).to_be_disabled()
    expect(page.locator("#telling")).to_contain_text("controller is silent")
    expect(page.locator(".lane-switch:enabled")).to_have_count(0)
    line.shows(plc_connected=False, allowed=())
    expect(page.locator("#telling")).to_contain_text("PLC does not answer")


def test_a_lane_is_disabled_with_a_reason_and_says_who_and_why(page: Page, line: Line) -> None:
    page.get_by_role("button", name="Disable lane 2 open-box").click()
    page.get_by_role("button", name="Divert broken").click()
    told = line.hears()
    assert (told["kind"], told["lane"], told["note"]) == ("lane_disable", 2, "Divert broken")
    line.answers(told, "done", "Lane 2 is disabled")
    closed = LaneClosure(operator="Anna", note="Divert broken", at=NOW)
    line.shows(lane={"enabled": False, "closed": closed})
    card = page.locator(".lane").nth(1)
    expect(card).to_contain_text("Disabled")
    expect(card).to_contain_text("Divert broken")
    expect(card).to_contain_text("Anna")
    expect(page.locator(".lane").nth(4).locator("button")).to_be_hidden()
    press(page, card.locator("button"), 1400)
    assert line.hears()["kind"] == "lane_enable"


def test_a_typed_reason_is_the_one_that_counts(page: Page, line: Line) -> None:
    page.get_by_role("button", name="Disable lane 1 restock").click()
    page.locator("#why").fill("belt of the chute torn")
    page.keyboard.press("Enter")
    assert line.hears()["note"] == "belt of the chute torn"
    line.shows()
    page.get_by_role("button", name="Disable lane 1 restock").click()
    page.get_by_role("button", name="Leave it open").click()
    line.hears_nothing_more()


def test_a_counter_is_the_plcs_and_a_difference_is_marked(page: Page, line: Line) -> None:
    card = page.locator(".lane").nth(1)
    expect(card.locator(".lane-count")).to_have_text("3")
    expect(card.locator(".differs")).to_have_count(0)
    line.shows(lane={"count": 5, "unrecorded": 2})
    expect(card.locator(".lane-count")).to_have_text("5")
    expect(card.locator(".differs")).to_contain_text("The PLC counts 2 more than the record")


def test_an_alarm_is_acknowledged_by_a_person(page: Page, line: Line) -> None:
    line.shows("ABORTED", (), annunciated=(alarm(),))
    expect(page.locator("#alarms")).to_contain_text("Make the machine safe")
    page.get_by_role("button", name="Acknowledge").click()
    told = line.hears()
    assert (told["kind"], told["alarm_id"]) == ("acknowledge", "line1:estop:1")
    line.shows("ABORTED", (), annunciated=(alarm(AlarmState.ACKNOWLEDGED_ACTIVE),))
    expect(page.locator("#alarms")).to_contain_text("active, acknowledged by Ben")
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)


def test_a_lost_reply_sends_the_same_command_again(page: Page, line: Line) -> None:
    lost: list[str] = []

    def lose_the_first(route: Any) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.request.url)
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/v1/lines/line1/commands", lose_the_first)
    with page.expect_event("requestfailed"):
        button(page, "stop").click()
    line.answers(line.hears(), "done", "The line is in Stopped")
    expect(page.locator("#telling")).to_contain_text("Stop: done")
    line.hears_nothing_more()
    assert lost


def test_a_command_is_never_swallowed_where_it_is_not_known_who_works_here(
    page: Page, line: Line
) -> None:
    page.route("**/v1/me", lambda route: route.abort())
    page.reload()
    line.shows()
    button(page, "stop").click()
    expect(page.locator("#telling")).to_contain_text("Stop: refused. operator: say in whose name")
    line.hears_nothing_more()


def test_the_log_names_everybody_who_commanded(page: Page, line: Line) -> None:
    button(page, "stop").click()
    line.answers(line.hears(), "done", "<b>The line is in Stopped</b>")
    expect(page.locator("#telling")).to_contain_text("Stop: done")
    page.locator("#log-open").click()
    expect(page.locator("#log")).to_contain_text("Stop by Anna")
    expect(page.locator("#log")).to_contain_text("<b>The line")


def test_somebody_without_a_name_is_asked_first(page: Page, line: Line) -> None:
    page.evaluate("localStorage.removeItem('operator')")
    button(page, "stop").click()
    page.get_by_label("Name").fill("Zoe")
    page.get_by_role("button", name="That is me").click()
    line.hears_nothing_more()
    line.shows()
    button(page, "stop").click()
    assert line.hears()["operator"] == "Zoe"


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (768, 1024)])
def test_commands_are_on_every_screen_and_large_enough_for_gloves(
    page: Page, line: Line, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    line.shows("ABORTED", (), annunciated=(alarm(),))
    expect(page.locator("#alarms")).to_be_visible()
    for target in page.locator("button:visible").all():
        box = target.bounding_box()
        assert box
        assert box["height"] >= 64, target.inner_text()
        assert box["width"] >= 64, target.inner_text()
    stop = button(page, "stop").bounding_box()
    assert stop["y"] + stop["height"] <= height
    assert page.evaluate("document.documentElement.scrollWidth") <= width
