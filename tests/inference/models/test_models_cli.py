"""``regrade models`` against a running server, and the way back to what it served after a restart."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from inference.grader import BundleGrader
from inference.models.registry import Registry
from model.contract import Bundle
from regrade.cli import app
from tests.inference.live_server import live_server

pytestmark = pytest.mark.slow


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["models", *arguments])


def test_a_model_is_added_promoted_and_rolled_back_from_the_command_line(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the loader that a server has: a trial in a process of its own, then the warm-up."""
    Registry(tmp_path / "models").add(str(tiny))
    with live_server(BundleGrader(Bundle.load(tiny)), tmp_path) as address:
        monkeypatch.setenv("REGRADE_SERVER", f"http://{address}")
        assert "tiny/2 is in the registry" in run("add", str(tiny), "--version", "2").stdout
        assert run("promote", "tiny/2", "--note", "newer", "--as", "Łucja").stdout == (
            "champion: tiny/2\n"
        )
        assert "tiny/2.t1 is in" in run("tune", "tiny/2", '{"review_cost": 3}').stdout
        assert (
            "challenger for 20%: tiny/2.t1"
            in run("challenge", "tiny/2.t1", "--share", "0.2").stdout
        )
        shown = run("list").stdout.splitlines()
        assert shown == ["tiny/1", "tiny/2  champion", "tiny/2.t1  challenger for 20%"]
        assert run("challenge").stdout == "champion: tiny/2\n"
        refused = run("rollback")
        assert refused.exit_code == 3
        assert "no champion before this one" in refused.stderr
        history = run("history").stdout
        assert "Łucja  promoted  tiny/2  (newer)" in history
        unknown = run("promote", "tiny/9")
        assert (unknown.exit_code, "no tiny/9" in unknown.stderr) == (3, True)
        assert run("promote", "tiny").exit_code == 2
        assert run("tune", "tiny/2", "{").exit_code == 2
    gone = run("list")
    assert gone.exit_code == 4
    assert "is `regrade serve` running there?" in gone.stderr


def test_a_network_that_takes_its_process_down_does_not_take_the_server(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    monkeypatch.setattr(
        "inference.models.children.command", lambda *_: [sys.executable, "-c", trial]
    )
    Registry(tmp_path / "models").add(str(tiny), version="2")
    with live_server(BundleGrader(Bundle.load(tiny)), tmp_path) as address:
        monkeypatch.setenv("REGRADE_SERVER", f"http://{address}")
        refused = run("promote", "tiny/2")
        assert refused.exit_code == 3
        assert "its process was killed" in refused.stderr
        assert "not done" in run("history").stdout
