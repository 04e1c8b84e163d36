"""What tests do at the operators' pages."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
from playwright.sync_api import APIResponse, Page, Route, expect

from tests.inference.inference_factories import picture

PATIENCE_MS = 20_000
"""How long a page may take on a busy machine."""


def grade(api: httpx.Client, *item_ids: str, views: int = 1) -> None:
    for number, item_id in enumerate(item_ids):
        files: list[tuple[str, Any]] = [
            ("item", (None, json.dumps({"item_id": item_id, "category": "parcel"}))),
            ("capture_id", (None, f"cap-{item_id}")),
        ]
        files += [
            ("images", (f"{view}.jpg", picture(width=400, height=300 + number + view)))
            for view in range(views)
        ]
        api.post("/v1/grade", files=files).raise_for_status()


def overrides(api: httpx.Client) -> list[tuple[str, str | None, str]]:
    return [
        (each["item_id"], each["grade"], each["operator"])
        for each in api.get("/v1/overrides").json()
    ]


def shown(page: Page) -> Any:
    return page.locator(".case h1")


def press(page: Page, key: str) -> None:
    """Press a key once the desk takes answers for the item on show."""
    expect(page.locator("#stage[data-state=ready]")).to_be_visible()
    page.keyboard.press(key)


class Held:
    """Keeps the next reply to ``pattern`` that holds ``text`` until it is released."""

    def __init__(self, page: Page, pattern: str, text: str) -> None:
        self._page = page
        self._pattern = pattern
        self._text = text
        self._kept: list[tuple[Route, APIResponse]] = []
        page.route(pattern, self._look)

    def _look(self, route: Route) -> None:
        reply = route.fetch()
        if self._kept or self._text not in reply.text():
            route.fulfill(response=reply)
        else:
            self._kept.append((route, reply))

    def wait(self) -> None:
        """Until the reply has come."""
        limit = time.monotonic() + PATIENCE_MS / 1000
        while not self._kept:
            assert time.monotonic() < limit, f"no reply to {self._pattern} with {self._text}"
            self._page.wait_for_timeout(20)  # lets Playwright call the route

    def release(self) -> None:
        """Let the page have it."""
        self.wait()
        ((route, reply),) = self._kept
        route.fulfill(response=reply)
