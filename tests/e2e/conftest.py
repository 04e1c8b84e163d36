"""Real processes: started as a user starts them, and none of them outlives its test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page

from regrade.demo.feed import SAMPLES
from tests.e2e import browser as browsers
from tests.e2e.processes import Command, Regrade, Site, processes_naming

_ROOT = Path(__file__).parents[2]  # this tree, whichever one is installed


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is an end-to-end test and may take its time."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture
def regrade(tmp_path: Path) -> Iterator[Regrade]:
    """Starts ``regrade`` commands; afterwards none may be left."""
    commands: list[Command] = []

    def start(*words: object) -> Command:
        output = tmp_path / f"{len(commands)}-{words[0]}.log"
        with output.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "regrade", *(str(word) for word in words)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(_ROOT), "COLUMNS": "160", "DISPLAY": ""},
            )
        commands.append(Command(process, output))
        return commands[-1]

    yield start
    for command in reversed(commands):
        if command.process.poll() is None:
            command.process.terminate()
            try:
                command.process.wait(15)
            except subprocess.TimeoutExpired:
                command.kill()
    left = processes_naming(str(tmp_path))
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, "processes outlived their test"


@pytest.fixture
def serve(regrade: Regrade) -> Iterator[Callable[[Path], Site]]:
    """Starts ``regrade serve`` on a folder of records."""
    clients: list[httpx.Client] = []

    def start(data: Path) -> Site:
        command = regrade("serve", "--port", "0", "--data", data, "--open-on-loopback")
        url = command.finds(r"http://127\.0\.0\.1:\d+")[0]
        clients.append(httpx.Client(base_url=url, timeout=20))
        return Site(url, command, clients[-1])

    yield start
    for client in clients:
        client.close()


@pytest.fixture
def browser() -> Iterator[Browser]:
    with browsers.chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Page:
    return browser.new_page()


@pytest.fixture
def page_of_anna(browser: Browser) -> Page:
    return browsers.page_of_anna(browser)


@pytest.fixture
def sample_pictures() -> list[Path]:
    """The rendered pictures that ship with the project."""
    return sorted(SAMPLES.glob("pictures/*.jpg"))
