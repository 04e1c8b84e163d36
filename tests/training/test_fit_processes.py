"""Fits in real processes: killed with SIGKILL, and shared by two under torchrun."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.fit_process import noted_fit
from tests.training.training_factories import config_file

_SCRIPT = Path(__file__).parent / "fit_process.py"
_ROOT = Path(__file__).parents[2]
_KILLED = -9


def _run(*arguments: str) -> int:
    return subprocess.run(
        [sys.executable, *arguments],
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


@pytest.fixture(scope="module")
def config(squares: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("config")
    return config_file(squares, folder, epochs=2, fit="dropout = 0")


@pytest.fixture(scope="module")
def undisturbed(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed")
    noted_fit(config, out)
    return out


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_run_that_was_killed_goes_on_to_the_same_weights(
    config: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """SIGKILL in the middle of the second epoch, after a state was saved at the first one's end."""
    assert _run(str(_SCRIPT), str(config), str(tmp_path), "4") == -signal.SIGKILL
    assert not (tmp_path / "weights.pt").exists()
    assert len(_drawn(tmp_path, 0)) == 3
    noted_fit(config, tmp_path)
    expected = _weights(undisturbed)
    for name, value in _weights(tmp_path).items():
        assert torch.equal(value, expected[name]), name
    again = _drawn(undisturbed, 0)[2:]  # the third step's work was lost and is done again
    assert _drawn(tmp_path, 0)[3:] == again


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_two_processes_share_each_batch_and_learn_what_one_learns(
    config: Path, undisturbed: Path, tmp_path: Path
) -> None:
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    assert _run(*torchrun, str(_SCRIPT), str(config), str(tmp_path), "0") == 0
    both = list(zip(_drawn(tmp_path, 0), _drawn(tmp_path, 1), strict=True))
    assert all(len(one) == len(other) == 4 for one, other in both)
    whole = _drawn(undisturbed, 0)
    assert [sorted(one + other) for one, other in both] == [sorted(step) for step in whole]
    for ours, theirs in zip(_steps(tmp_path), _steps(undisturbed), strict=True):
        for loss in ("total", "grade", "damage", "maps"):
            assert ours[loss] == pytest.approx(theirs[loss], rel=1e-3)
