"""A browser, and a server that listens on a real port."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from inference.models.lineup import Lineup
from inference.serving import Address, bind, make_server
from inference.settings import ServerSettings
from inference.store import Store
from tests.inference.inference_factories import OPEN_ACCESS, UNSURE, FakeGrader
from tests.inference.pages.desk import PATIENCE_MS

expect.set_options(timeout=PATIENCE_MS)

_CHROMIUM = shutil.which("chromium")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if _CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[httpx.Client]:
    """A running server whose model is never sure."""
    listener = bind(Address("127.0.0.1", 0))
    store = Store.open(f"sqlite:///{tmp_path / 'regrade.sqlite'}")
    grader = FakeGrader(lambda views: UNSURE.model_copy(update={"quality": UNSURE.quality * views}))
    settings = ServerSettings(data_dir=tmp_path, access=OPEN_ACCESS)
    server = make_server(settings, Lineup(grader), store)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    host, port = listener.getsockname()
    with httpx.Client(base_url=f"http://{host}:{port}", timeout=20) as client:
        yield client
    server.should_exit = True
    thread.join()


@pytest.fixture
def page(browser: Browser, api: httpx.Client) -> Iterator[Page]:
    """A page of an operator whose name is known; a fault in a script fails the test."""
    context = browser.new_context(base_url=str(api.base_url), has_touch=True)
    context.add_init_script("localStorage.operator ||= 'Anna'")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda message: (
            faults.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield page
    page.unroute_all(behavior="wait")  # a reply that a test looked at may still be on its way
    context.close()
    assert not faults
