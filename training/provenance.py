"""Provenance: which code and which machine made a bundle."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import torch
from lightning_fabric import Fabric


def git_commit() -> str:
    """Commit of this code; 'unknown' outside a repository."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    found = subprocess.run(  # noqa: S603  (a fixed command)
        [git, "rev-parse", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or "unknown"


def machine(fabric: Fabric) -> str:
    """What the run works on, in a line."""
    device = fabric.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
    return (
        f"{platform.machine()}, {fabric.world_size} x {name}, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}"
    )
