"""Waiting for real processes, and looking at them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx

PATIENCE_S = 60.0
T = TypeVar("T")


def eventually(look: Callable[[], T | None], what: str, patience_s: float = PATIENCE_S) -> T:
    """Look again and again until there is something to see."""
    limit = time.monotonic() + patience_s
    while (seen := look()) is None or seen is False:
        assert time.monotonic() < limit, f"waited {patience_s:.0f} s in vain for {what}"
        time.sleep(0.05)
    return seen


def processes_naming(text: str) -> list[int]:
    """Process ids whose command line holds ``text``."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if text.encode() in words:
            found.append(int(entry.name))
    return found


@dataclass
class Command:
    """One ``regrade`` command that runs in the background."""

    process: subprocess.Popen[bytes]
    output: Path

    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def finds(self, pattern: str) -> re.Match[str]:
        """Wait for its output to match."""

        def look() -> re.Match[str] | None:
            match = re.search(pattern, self.text())
            assert match or self.process.poll() is None, f"it ended:\n{self.text()}"
            return match

        return eventually(look, f"{pattern!r} in:\n{self.text()}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def ends(self, number: signal.Signals | None = None) -> int:
        """Its exit code, after a signal if one is given."""
        if number is not None:
            self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE_S * 3)


Regrade = Callable[..., Command]


@dataclass(frozen=True)
class Site:
    """A server, started alone, and a client for it."""

    url: str
    command: Command
    client: httpx.Client

    def get(self, path: str) -> object:
        response = self.client.get(path)
        response.raise_for_status()
        return response.json()
