"""Logging in at a shared terminal, in Chromium."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from inference.access import ledger
from inference.access.roles import Role
from inference.access.settings import AccessSettings
from inference.models.lineup import Lineup
from inference.serving import Address, bind, make_server
from inference.settings import ServerSettings
from inference.store import NewGrading, Store
from tests.inference.inference_factories import UNSURE, FakeGrader, facts, verdict
from tests.inference.pages.desk import PATIENCE_MS, press, shown

pytestmark = pytest.mark.slow
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Terminal:
    """A browser at a server that asks who calls, and its store."""

    page: Page
    store: Store

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
    yield Terminal(page, store)
    context.close()
    server.should_exit = True
    thread.join()
    store.close()
    assert not faults


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


def test_an_answer_that_waited_is_not_sent_under_the_next_ones_name(terminal: Terminal) -> None:
    page = terminal.page
    page.goto("/review")
    terminal.log_in("anna")
    expect(shown(page)).to_have_text("R-1")
    page.route("**/overrides", lambda route: route.abort())
    press(page, "3")
    expect(page.locator(".failure")).to_be_visible()
    page.unroute_all()
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/login?next=/review")
    terminal.log_in("ben")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".failure")).to_contain_text("would be recorded under ben")
    assert operators(terminal) == []


def test_a_wrong_password_says_so_and_keeps_the_name(terminal: Terminal) -> None:
    page = terminal.page
    page.goto("/login")
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("name or password is wrong")
    expect(page.get_by_label("Name")).to_have_value("anna")


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
