"""An engineer changes which model does what from the page of the models, in Chromium."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import delete

from inference.access import ledger
from inference.access.roles import Role
from inference.access.settings import AccessMode, AccessSettings
from inference.access.tables import sessions
from inference.models.lineup import Lineup
from inference.models.records import Challenger, Change, ChangeKind, NewChange, Roles
from inference.models.registry import Registry
from inference.serving import Address, bind, make_server
from inference.settings import ServerSettings
from inference.store import Store
from model.contract import ModelRef
from tests.inference.models.conftest import FakeLoader, fake
from tests.inference.pages.desk import PATIENCE_MS

PASSWORD = "correct horse battery"
ONE, TWO, THREE = (ModelRef(name="tiny", version=version) for version in "123")


@dataclass
class Desk:
    """The page of the models, at a server with three versions of which the first is champion."""

    page: Page
    store: Store
    loader: FakeLoader = field(default_factory=FakeLoader)

    def comes(self, name: str) -> None:
        """Log in, and go on to the page."""
        self.page.goto("/login?next=/models")
        self.logs_in(name)

    def logs_in(self, name: str) -> None:
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        expect(self.page.locator("#me")).to_contain_text(name)

    def asks(self, button: str) -> Locator:
        """Press a button, which asks before anything is done."""
        self.page.get_by_role("button", name=button, exact=True).click()
        dialog = self.page.locator("#change")
        expect(dialog).to_be_visible()
        return dialog

    def confirms(self, why: str) -> None:
        self.page.get_by_label("Why?").fill(why)
        self.page.keyboard.press("Enter")

    @property
    def told(self) -> Locator:
        return self.page.locator("#told")

    @property
    def problem(self) -> Locator:
        return self.page.locator("#change-problem")

    def changes(self) -> list[tuple[str, str | None, str, str]]:
        """Kind, version, who and why, oldest first."""
        return [
            (each.kind.value, each.model.version if each.model else None, each.actor, each.note)
            for each in reversed(self.store.model_changes(limit=50))
        ]

    def roles(self) -> Roles:
        newest = self.store.newest_model_change()
        assert newest is not None
        assert newest.after is not None
        return newest.after

    def somebody_promotes(self, model: ModelRef) -> Change:
        """Put a change of somebody else on record."""
        roles = Roles(champion=ONE)
        return self.store.add_model_change(
            NewChange(
                kind=ChangeKind.PROMOTED,
                model=model,
                actor="ben",
                before=roles,
                after=roles.model_copy(update={"champion": model}),
            )
        )


Open = Callable[..., Desk]


@pytest.fixture
def open_desk(browser: Browser, tmp_path: Path, tiny: Path) -> Iterator[Open]:
    """Starts the server, and opens a browser."""
    endings: list[Callable[[], object]] = []
    faults: list[str] = []

    def start(mode: AccessMode = AccessMode.REQUIRED) -> Desk:
        registry = Registry(tmp_path / "models")
        for version in "123":
            registry.add(str(tiny), version=version)
        url = f"sqlite:///{tmp_path / 'regrade.sqlite'}"
        store = Store.open(url)
        for name, role in (
            ("eva", Role.ENGINEER),
            ("boss", Role.ADMIN),
            ("anna", Role.OPERATOR),
        ):
            ledger.add_user(store, name, role, PASSWORD, "test")
        listener = bind(Address("127.0.0.1", 0))
        settings = ServerSettings(data_dir=tmp_path, access=AccessSettings(mode))
        loader = FakeLoader()
        server = make_server(settings, Lineup(fake("1")), Store.open(url), load=loader)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        host, port = listener.getsockname()
        context = browser.new_context(base_url=f"http://{host}:{port}")
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda message: (
                faults.append(message.text) if "Content Security Policy" in message.text else None
            ),
        )

        def stop() -> None:
            context.close()
            server.should_exit = True
            thread.join()
            store.close()

        endings.append(stop)
        return Desk(page, store, loader)

    yield start
    for end in endings:
        end()
    assert not faults


@pytest.mark.slow
def test_a_model_is_promoted_and_rolled_back_with_a_reason(open_desk: Open) -> None:
    desk = open_desk()
    desk.comes("eva")
    dialog = desk.asks("Promote tiny/2")
    expect(dialog.locator("tbody")).to_contain_text("champion")
    expect(dialog.locator("tbody td")).to_have_text(["tiny/1", "tiny/2"])
    expect(dialog).to_contain_text("under eva")
    desk.confirms("  ")
    assert desk.changes() == [], "a reason is asked for"
    desk.confirms("fewer misses")
    expect(desk.told).to_have_text("Done: tiny/2 is the champion.")
    expect(desk.told).to_be_focused()
    expect(desk.page.locator(".roles .card").first).to_contain_text("tiny/2")
    expect(desk.page.locator("#history tbody tr").first).to_contain_text("fewer misses")

    desk.asks("Promote tiny/3")
    desk.confirms("toys")
    expect(desk.told).to_contain_text("tiny/3 is the champion")
    dialog = desk.asks("Roll back to tiny/2")
    expect(dialog.locator("tbody td")).to_have_text(["tiny/3", "tiny/2"])
    desk.confirms("too many parcels in review")
    expect(desk.told).to_have_text("Done: tiny/2 is the champion again.")
    assert desk.changes() == [
        ("promoted", "2", "eva", "fewer misses"),
        ("promoted", "3", "eva", "toys"),
        ("rolled_back", "2", "eva", "too many parcels in review"),
    ]


@pytest.mark.slow
def test_a_challenger_is_set_changed_and_ended(open_desk: Open) -> None:
    desk = open_desk()
    desk.comes("boss")
    dialog = desk.asks("Challenge with tiny/3")
    expect(desk.page.get_by_label("Share of the items, %")).to_have_value("10")
    desk.page.get_by_label("Share of the items, %").fill("60")
    desk.confirms("try it")
    assert desk.changes() == [], "no more than half of the items"
    desk.page.get_by_label("Share of the items, %").fill("5")
    expect(dialog.locator("tbody td")).to_have_text(["none", "tiny/3 for 5 %"])
    desk.confirms("try it")
    expect(desk.told).to_have_text("Done: tiny/3 is the challenger.")
    assert desk.roles().challenger == Challenger(model=THREE, share=0.05)
    dialog = desk.asks("Change share of tiny/3")
    desk.page.get_by_label("Share of the items, %").fill("20")
    expect(dialog.locator("tbody td")).to_have_text(["tiny/3 for 5 %", "tiny/3 for 20 %"])
    desk.confirms("more")
    expect(desk.page.locator(".roles")).to_contain_text("grades 20.0 % of the items")
    desk.asks("End the challenger tiny/3 for 20 %")
    desk.confirms("seen enough")
    expect(desk.told).to_have_text("Done: there is no challenger any more.")
    assert desk.roles().challenger is None


@pytest.mark.slow
def test_who_may_change_nothing_sees_no_controls(open_desk: Open) -> None:
    desk = open_desk()
    desk.comes("anna")
    expect(desk.page.locator("h1")).to_have_text("Models")
    expect(desk.page.locator("main button, dialog#change")).to_have_count(0)
    assert "models.js" not in desk.page.content()
    desk.comes("eva")
    expect(desk.page.locator(".act")).not_to_have_count(0)
    beside = Desk(desk.page.context.new_page(), desk.store)
    beside.comes("anna")
    expect(desk.page.locator(".act:visible")).to_have_count(0)


@pytest.mark.slow
def test_a_role_that_is_too_low_by_now_is_said_and_changes_nothing(open_desk: Open) -> None:
    desk = open_desk()
    desk.comes("eva")
    desk.asks("Promote tiny/2")
    ledger.set_role(desk.store, "eva", Role.OPERATOR, "test")
    desk.page.wait_for_timeout(1500)  # the server reads people anew each second
    desk.confirms("fewer misses")
    expect(desk.problem).to_contain_text("eva has the role operator; this is for admin, engineer")
    expect(desk.page.get_by_label("Why?")).to_have_value("fewer misses")
    assert desk.changes() == []


@pytest.mark.slow
def test_what_was_typed_outlives_the_session(open_desk: Open) -> None:
    desk = open_desk()
    desk.comes("eva")
    desk.asks("Challenge with tiny/2")
    desk.page.get_by_label("Share of the items, %").fill("7")
    with desk.store.writing() as connection:
        connection.execute(delete(sessions))
    desk.page.wait_for_timeout(1500)
    desk.confirms("fewer misses")
    expect(desk.page.locator("#ended")).to_be_visible()
    expect(desk.problem).to_contain_text("what you typed is kept")
    desk.page.get_by_role("link", name="Log in with a password").click()
    desk.logs_in("boss")
    expect(desk.page.locator("#change")).to_be_hidden()
    desk.page.goto("/login?next=/models")
    desk.logs_in("eva")
    expect(desk.page.locator("#change-title")).to_have_text("Challenge with tiny/2?")
    expect(desk.page.get_by_label("Why?")).to_have_value("fewer misses")
    expect(desk.page.get_by_label("Share of the items, %")).to_have_value("7")
    desk.page.get_by_role("button", name="Challenge", exact=True).click()
    expect(desk.told).to_have_text("Done: tiny/2 is the challenger.")
    assert desk.changes() == [("challenged", "2", "eva", "fewer misses")]


@pytest.mark.slow
def test_progress_is_shown_and_nothing_is_sent_twice(open_desk: Open) -> None:
    desk = open_desk()
    go_on = threading.Event()
    desk.loader.before = lambda _: bool(go_on.wait(30))  # type: ignore[assignment]
    desk.comes("eva")
    dialog = desk.asks("Promote tiny/2")
    desk.confirms("fewer misses")
    status = dialog.get_by_role("status")
    expect(status).to_contain_text("tiny/2 is loaded beside what serves, and proved")
    expect(dialog.get_by_role("progressbar")).to_be_visible()
    expect(dialog.get_by_role("button", name="Promote")).to_be_disabled()
    expect(desk.page.locator("#change-progress")).to_contain_text("1 s")
    desk.page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    go_on.set()
    expect(desk.told).to_contain_text("tiny/2 is the champion")
    assert len(desk.changes()) == 1


@pytest.mark.slow
def test_a_model_that_does_not_work_here_is_said_to_and_is_in_the_history(open_desk: Open) -> None:
    desk = open_desk()
    desk.loader.broken.add("2")
    desk.comes("eva")
    desk.asks("Promote tiny/2")
    desk.confirms("fewer misses")
    expect(desk.problem).to_contain_text("golden.png is graded otherwise here")
    desk.loader.broken.clear()
    desk.page.get_by_role("button", name="Promote", exact=True).click()
    expect(desk.told).to_contain_text("tiny/2 is the champion")
    desk.loader.broken.add("3")
    desk.asks("Promote tiny/3")
    desk.confirms("toys")
    expect(desk.problem).to_contain_text("golden.png")
    desk.page.get_by_role("button", name="Leave it as it is").click()
    expect(desk.told).to_contain_text("Not done: ")
    expect(desk.page.locator("#history tbody tr").first).to_contain_text("golden.png")


@pytest.mark.slow
def test_a_lost_reply_is_looked_up_and_the_change_is_one(open_desk: Open) -> None:
    desk = open_desk()
    desk.comes("eva")

    def lose(route: Any) -> None:
        route.fetch()
        route.abort()

    desk.asks("Promote tiny/3")
    desk.confirms("toys")
    expect(desk.told).to_contain_text("tiny/3 is the champion")
    desk.page.route("**/v1/models/promote", lose)
    desk.asks("Promote tiny/2")
    desk.confirms("fewer misses")
    expect(desk.told).to_have_text("Done: tiny/2 is the champion.")
    desk.page.unroute_all()
    desk.page.route("**/v1/models/*", lambda route: route.abort())
    desk.asks("Roll back to tiny/3")
    desk.confirms("too many misses")
    expect(desk.problem).to_contain_text("The server does not answer.")
    desk.page.reload()
    expect(desk.problem).to_contain_text("It was sent before the page was loaded anew.")
    desk.page.unroute_all()
    desk.page.get_by_role("button", name="Roll back", exact=True).click()
    expect(desk.told).to_have_text("Done: tiny/3 is the champion again.")
    kinds = [kind for kind, *_ in desk.changes()]
    assert kinds == ["promoted", "promoted", "rolled_back"]


@pytest.mark.slow
def test_somebody_elses_change_is_seen_before_the_own_one(open_desk: Open) -> None:
    desk = open_desk()
    desk.comes("eva")
    desk.asks("Promote tiny/2")
    desk.somebody_promotes(ONE)
    desk.confirms("fewer misses")
    expect(desk.problem).to_contain_text("ben changed the models at")
    desk.page.get_by_role("button", name="Look at it").click()
    expect(desk.page.locator("#history tbody tr").first).to_contain_text("ben")
    expect(desk.page.get_by_label("Why?")).to_have_value("fewer misses")
    desk.page.keyboard.press("Enter")
    expect(desk.told).to_contain_text("tiny/2 is the champion")
    assert [actor for *_, actor, _ in desk.changes()] == ["ben", "eva"]


@pytest.mark.slow
def test_nothing_is_done_in_the_name_of_who_did_not_confirm_it(open_desk: Open) -> None:
    desk = open_desk()
    desk.comes("eva")
    desk.asks("Promote tiny/2")
    desk.page.route("**/v1/me", lambda route: route.abort())  # this page does not hear of it
    beside = Desk(desk.page.context.new_page(), desk.store)
    beside.comes("boss")
    desk.page.unroute_all()
    desk.confirms("fewer misses")
    expect(desk.problem).to_contain_text("Somebody else is logged in here by now")
    assert desk.changes() == []


@pytest.mark.slow
def test_where_access_is_open_a_name_is_asked_for_and_recorded(open_desk: Open) -> None:
    desk = open_desk(AccessMode.OPEN_ON_LOOPBACK)
    desk.page.goto("/models")
    desk.page.get_by_role("button", name="Promote tiny/2").click()
    desk.page.get_by_label("Name", exact=True).fill("Łucja")
    desk.page.get_by_role("button", name="That is me").click()
    desk.asks("Promote tiny/2")
    desk.confirms("fewer misses")
    expect(desk.told).to_contain_text("tiny/2 is the champion")
    assert desk.changes() == [("promoted", "2", "Łucja", "fewer misses")]


@pytest.mark.slow
def test_it_works_by_keyboard_alone_and_leaves_nothing_behind(open_desk: Open) -> None:
    desk = open_desk()
    desk.comes("eva")
    button = desk.page.get_by_role("button", name="Shadow with tiny/2")
    button.focus()
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_label("Why?")).to_be_focused()
    desk.page.keyboard.type("curious")
    desk.page.keyboard.press("Escape")
    expect(desk.page.locator("#change")).to_be_hidden()
    expect(button).to_be_focused()
    desk.page.reload()
    expect(desk.page.locator("#me")).to_contain_text("eva")
    expect(desk.page.locator("#change")).to_be_hidden()
    assert desk.changes() == []
    for target in desk.page.locator("button:visible").all():
        box = target.bounding_box()
        assert box
        assert min(box["height"], box["width"]) >= 64, target.inner_text()
    assert desk.page.evaluate("document.documentElement.scrollWidth") <= 1280
