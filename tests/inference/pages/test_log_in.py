"""Logging in at a shared terminal, in Chromium."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import delete

from inference.access import ledger
from inference.access.roles import Role
from inference.access.settings import AccessSettings
from inference.access.tables import sessions
from inference.models.lineup import Lineup
from inference.serving import Address, bind, make_server
from inference.settings import ServerSettings
from inference.store import NewGrading, Store
from model.contract import CommandKind
from tests.inference.inference_factories import UNSURE, FakeGrader, facts, line_state, verdict
from tests.inference.pages.desk import PATIENCE_MS, press, shown

pytestmark = pytest.mark.slow
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Terminal:
    """A browser at a server that asks who calls, and its store."""

    page: Page
    store: Store
    url: str = ""
    line_key: str = ""

    @contextmanager
    def line_reports(self) -> Iterator[None]:
        """Line 1 reports twice a second."""
        state = line_state().model_copy(update={"allowed": (CommandKind.STOP,)})
        ended = threading.Event()

        def report() -> None:
            with httpx.Client(base_url=self.url, headers={"X-API-Key": self.line_key}) as line:
                while True:
                    line.put("/v1/lines/line1/state", json=state.model_dump(mode="json"))
                    if ended.wait(0.5):
                        return

        with ThreadPoolExecutor() as threads:
            threads.submit(report)
            try:
                yield
            finally:
                ended.set()

    def log_in(self, name: str) -> None:
        """Type name and password."""
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()


@pytest.fixture
def terminal(browser: Browser, tmp_path: Path) -> Iterator[Terminal]:
    url = f"sqlite:///{tmp_path / 'regrade.sqlite'}"
    store = Store.open(url)
    for name, role in (("anna", Role.OPERATOR), ("ben", Role.OPERATOR), ("boss", Role.ADMIN)):
        ledger.add_user(store, name, role, PASSWORD, "test")
    for number in (1, 2):
        given = verdict(f"R-{number}", of=UNSURE)
        store.add_gradings([NewGrading(given, facts(f"R-{number}"), f"print {number}")])
    key = ledger.add_key(store, "line1", Role.LINE, "test").text
    listener = bind(Address("127.0.0.1", 0))
    settings = ServerSettings(data_dir=tmp_path, access=AccessSettings())
    server = make_server(settings, Lineup(FakeGrader()), Store.open(url))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    host, port = listener.getsockname()
    context = browser.new_context(base_url=f"http://{host}:{port}", has_touch=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield Terminal(page, store, f"http://{host}:{port}", key)
    context.close()
    server.should_exit = True
    thread.join()
    store.close()
    assert not faults


@pytest.fixture
def line(terminal: Terminal) -> Iterator[None]:
    """A line that reports."""
    with terminal.line_reports():
        yield


def operators(terminal: Terminal) -> list[tuple[str, str]]:
    return [(each.item_id, each.operator) for each in terminal.store.overrides_after(0)]


def test_two_operators_take_turns_and_each_answers_under_the_own_name(terminal: Terminal) -> None:
    page = terminal.page
    page.goto("/review")
    expect(page.get_by_label("Scan your badge")).to_be_focused()
    terminal.log_in("anna")
    expect(page.locator("#me")).to_contain_text("anna, operator")
    expect(page.locator("#who")).to_be_hidden()
    expect(page.locator("#nav-audit")).to_be_hidden()
    expect(shown(page)).to_have_text("R-1")
    press(page, "1")
    expect(page.locator("#toast")).to_contain_text("R-1 recorded as New")

    page.locator("#me").tap()
    badge = ledger.add_badge(terminal.store, "ben", "test").text
    expect(page.get_by_label("Scan your badge")).to_be_focused()
    page.keyboard.type(badge)
    page.keyboard.press("Enter")
    expect(page.locator("#me")).to_contain_text("ben")
    expect(shown(page)).to_have_text("R-2")
    press(page, "2")
    expect(page.locator("#toast")).to_contain_text("R-2 recorded as Lightly used")
    assert operators(terminal) == [("R-1", "anna"), ("R-2", "ben")]

    page.locator("#me").tap()
    page.get_by_role("button", name="anna").tap()
    expect(page.get_by_label("Password")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_value("anna")
    page.get_by_role("button", name="Log out").tap()
    expect(page.locator("#now")).to_be_hidden()
    page.goto("/line")
    assert page.url.endswith("/login?next=/line")


def test_an_answer_that_waited_is_sent_under_the_name_of_who_gave_it(terminal: Terminal) -> None:
    page = terminal.page
    page.goto("/review")
    terminal.log_in("anna")
    expect(shown(page)).to_have_text("R-1")
    page.route("**/overrides", lambda route: route.abort())
    press(page, "3")
    expect(page.locator(".failure")).to_be_visible()
    page.goto("/login?next=/review")
    terminal.log_in("ben")
    expect(page.locator(".failure")).to_contain_text("sent once anna is here again")
    page.unroute_all()
    with page.expect_response("**/review/state?**"):
        pass
    assert operators(terminal) == []
    page.goto("/login?next=/review")
    terminal.log_in("anna")
    expect(page.locator("#toast")).to_contain_text("R-1 recorded as Repairable")
    expect(page.locator(".failure")).to_have_count(0)
    assert operators(terminal) == [("R-1", "anna")]


def test_a_tab_knows_who_logged_in_beside_it(terminal: Terminal) -> None:
    page = terminal.page
    page.goto("/review")
    terminal.log_in("anna")
    expect(shown(page)).to_have_text("R-1")
    press(page, "2")
    expect(page.locator("#toast")).to_contain_text("R-1 recorded")
    beside = Terminal(page.context.new_page(), terminal.store)
    beside.page.goto("/login?next=/models")
    beside.log_in("ben")
    expect(beside.page.locator("#me")).to_contain_text("ben")
    expect(page.locator("#me")).to_contain_text("ben")
    expect(page.locator("#undo")).to_be_disabled()
    press(page, "1")
    expect(page.locator("#toast")).to_contain_text("R-2 recorded")
    assert operators(terminal) == [("R-1", "anna"), ("R-2", "ben")]


def end_sessions(terminal: Terminal) -> None:
    """Log everybody out, as time does."""
    with terminal.store.writing() as connection:
        connection.execute(delete(sessions))


def test_an_answer_after_the_session_asks_who_is_there_and_is_not_lost(terminal: Terminal) -> None:
    page = terminal.page
    page.goto("/review")
    terminal.log_in("anna")
    expect(shown(page)).to_have_text("R-1")
    expect(page.locator("#stage[data-state=ready]")).to_be_visible()
    with page.expect_response(lambda reply: "/overrides" in reply.url and reply.status == 401):
        page.route("**/review/**", lambda route: route.abort())  # the answer finds it out
        end_sessions(terminal)
        page.wait_for_timeout(1500)  # the server reads sessions anew each second
        page.keyboard.press("4")
    page.unroute_all()
    expect(page.get_by_role("dialog")).to_contain_text("Nobody is logged in any more")
    expect(page.get_by_label("Scan your badge")).to_be_focused()
    badge = ledger.add_badge(terminal.store, "anna", "test").text
    page.keyboard.type(badge)
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_contain_text("R-1 recorded as Salvage")
    assert page.url.endswith("/review")
    assert operators(terminal) == [("R-1", "anna")]


def test_a_page_whose_session_has_ended_stops_asking(terminal: Terminal, line: None) -> None:
    page = terminal.page
    page.goto("/line")
    terminal.log_in("anna")
    expect(page.locator("#packml")).to_have_text("execute")
    page.locator("[data-command=stop]").wait_for()
    end_sessions(terminal)
    expect(page.get_by_role("dialog")).to_contain_text("Nobody is logged in any more")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(4000)
    assert asked == []
    page.keyboard.press("Escape")
    expect(page.locator("#me")).to_have_text("Log in")


def test_a_stream_that_breaks_after_the_session_is_not_asked_for_again(
    terminal: Terminal, line: None
) -> None:
    page = terminal.page
    page.goto("/login?next=/models")
    terminal.log_in("anna")
    expect(page.locator("#me")).to_contain_text("anna")
    page.route("**/line/recent**", lambda route: route.abort())
    page.route("**/commands?**", lambda route: route.abort())
    streams: list[str] = []
    page.on(
        "request", lambda request: streams.append(request.url) if "/events" in request.url else None
    )
    page.route("**/events", lambda route: route.fulfill(status=401, json={}))
    with page.expect_response("**/events"):
        page.goto("/line")
    end_sessions(terminal)
    expect(page.get_by_role("dialog")).to_be_visible()
    before = len(streams)
    page.wait_for_timeout(4000)
    assert len(streams) == before


def test_a_command_after_the_session_is_refused_and_says_why(
    terminal: Terminal, line: None
) -> None:
    page = terminal.page
    page.goto("/login?next=/line")
    page.route("**/line/recent**", lambda route: route.abort())
    page.route("**/commands?**", lambda route: route.abort())
    terminal.log_in("anna")
    stop = page.locator("[data-command=stop]")
    expect(stop).to_be_enabled()
    end_sessions(terminal)
    page.wait_for_timeout(1500)
    expect(stop).to_be_enabled()
    stop.click()
    expect(page.locator("#telling")).to_contain_text("Stop: refused. Nobody is logged in any more")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("link", name="Log in with a password").click()
    terminal.log_in("ben")
    expect(page.locator("#me")).to_contain_text("ben")
    assert page.url.endswith("/line")


def test_nobody_is_asked_about_before_somebody_logs_in(terminal: Terminal) -> None:
    page = terminal.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for address in ("/login", "/docs", "/review"):
        page.goto(address)
        expect(page.locator("h1").first).to_be_visible()
    assert not [url for url in asked if "/v1/" in url]


def test_a_wrong_password_says_so_and_keeps_the_name(terminal: Terminal) -> None:
    page = terminal.page
    page.goto("/login")
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("name or password is wrong")
    expect(page.get_by_label("Name")).to_have_value("anna")
    expect(page.get_by_label("Password")).to_be_focused()
    page.get_by_label("Name").fill("nobody")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_label("Name")).to_have_value("nobody")
    expect(page.locator("#names")).to_be_hidden()


def test_an_administrator_reads_who_did_what(terminal: Terminal) -> None:
    page = terminal.page
    page.goto("/login")
    terminal.log_in("boss")
    page.locator("#nav-audit").click()
    expect(page.locator("table")).to_contain_text("by password")
    expect(page.locator("table")).to_contain_text("add user")


def test_every_target_of_the_log_in_is_large_enough_for_gloves(terminal: Terminal) -> None:
    page = terminal.page
    page.goto("/login")
    terminal.log_in("anna")
    page.locator("#me").tap()
    expect(page.locator("#now")).to_be_visible()
    for target in page.locator("form button:visible, form input:visible, nav a:visible").all():
        box = target.bounding_box()
        assert box
        assert box["height"] >= 64
