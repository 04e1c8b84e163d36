"""Fits in real processes: killed with SIGKILL, and shared by two under torchrun."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.training_factories import config_file

_SCRIPT = Path(__file__).parent / "fit_process.py"
_ROOT = Path(__file__).parents[2]
_KILLED = -9


def _run(config: Path, out: Path, *, kill_at: int = 0, processes: int = 0) -> int:
    out.mkdir(exist_ok=True)
    torchrun = [
        *("-m", "torch.distributed.run", "--standalone"),
        *("--nproc-per-node", str(processes)),
    ]
    command = [sys.executable, *(torchrun if processes else []), str(_SCRIPT)]
    return subprocess.run(
        [*command, str(config), str(out), str(kill_at)],
        cwd=_ROOT,
        env={"PYTHONPATH": str(_ROOT), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
        check=False,
    ).returncode


def _weights(out: Path) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = torch.load(out / "weights.pt", weights_only=True)
    return weights


def _steps(out: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if "total" in line]


def _drawn(out: Path, rank: int) -> list[list[int]]:
    return [json.loads(line) for line in (out / f"drawn-{rank}.jsonl").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_killed_or_shared_a_run_draws_and_learns_what_one_undisturbed_process_does(
    squares: Path, tmp_path: Path
) -> None:
    """Killed: bit for bit. Shared by two: every picture of a step once, losses to rounding."""
    config = config_file(squares, tmp_path, epochs=2, fit="dropout = 0")
    whole, killed, shared = (tmp_path / name for name in ("whole", "killed", "shared"))
    assert _run(config, whole) == 0

    assert _run(config, killed, kill_at=4) == _KILLED
    assert not (killed / "weights.pt").exists()
    assert _run(config, killed) == 0
    expected = _weights(whole)
    assert all(torch.equal(value, expected[name]) for name, value in _weights(killed).items())
    assert _drawn(killed, 0) == _drawn(whole, 0)

    assert _run(config, shared, processes=2) == 0
    both = zip(_drawn(shared, 0), _drawn(shared, 1), strict=True)
    assert [sorted(one + other) for one, other in both] == [sorted(s) for s in _drawn(whole, 0)]
    for ours, theirs in zip(_steps(shared), _steps(whole), strict=True):
        for loss in ("total", "grade", "damage", "maps"):
            assert ours[loss] == pytest.approx(theirs[loss], rel=1e-3)
