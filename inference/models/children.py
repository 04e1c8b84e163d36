"""Processes beside the server: what they do can neither stop it nor slow it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any, Final

#: For work that somebody waits for, and for work that nobody does.
BESIDE: Final = 15
LAST: Final = 19


def command(module: str, *arguments: str) -> list[str]:
    """What runs a module of this package in a process of its own."""
    return [sys.executable, "-m", f"inference.models.{module}", *arguments]


def options() -> dict[str, Any]:
    """More arguments for starting it: on Windows it says here what ``yield_to_others`` says later."""
    return {"creationflags": getattr(subprocess, "IDLE_PRIORITY_CLASS", 0)}


def yield_to_others(niceness: int) -> None:
    """Take the processor only where others leave it. Called by the child."""
    if hasattr(os, "nice"):
        os.nice(niceness)
