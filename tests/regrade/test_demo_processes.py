"""Child processes of the demo: watched, started again, and ended, whatever they do."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from regrade.demo.errors import ProcessError, UsageError
from regrade.demo.processes import Part, crew, describe_exit, require_free


class Script(Part):
    """A part that runs Python code in place of a command of ours."""

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", *self.arguments], stdout=log, stderr=log
            )

    def wait(self) -> None:
        assert self.process
        self.process.wait()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Script]:
    code = "print('up', flush=True); import time; time.sleep(600)"
    part = Script("sleeper", (code,), tmp_path / "sleeper.log")
    yield part
    assert part.exit_code() is not None, "a part outlived its crew"


def test_a_part_that_is_killed_is_started_again_and_said_once(
    sleeper: Script, said: list[str]
) -> None:
    with crew(said.append) as parts:
        parts.start(sleeper, lambda: "up" in sleeper.last_words())
        assert sleeper.process
        first = sleeper.process
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        parts.mend()
        parts.mend()
        assert sleeper.process is not first
    assert said == ["sleeper was killed by SIGKILL; it is started again"]


def test_a_part_that_cannot_start_shows_its_last_words(tmp_path: Path, said: list[str]) -> None:
    part = Script("broken", ("raise SystemExit('no bundle here')",), tmp_path / "broken.log")
    with crew(said.append) as parts, pytest.raises(ProcessError, match="no bundle here"):
        parts.start(part, lambda: False)


def test_a_part_that_keeps_dying_ends_the_demo(tmp_path: Path, said: list[str]) -> None:
    part = Script("moth", ("raise SystemExit(3)",), tmp_path / "moth.log")
    with crew(said.append) as parts:
        parts.start(part, lambda: True)
        for _ in range(4):
            part.wait()
            parts.mend()
        part.wait()
        with pytest.raises(ProcessError, match="moth ended with code 3, 5 times"):
            parts.mend()


def test_a_part_that_does_not_listen_is_killed(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regrade.demo.processes._STOP_S", 0.2)
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    part = Script("deaf", (code,), tmp_path / "deaf.log")
    with crew(said.append) as parts:
        parts.start(part, lambda: "up" in part.last_words())
    assert part.exit_code() == -signal.SIGKILL
    assert "is killed" in said[0]


def test_a_port_in_use_is_said_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"port {port} .* --port"):
            require_free(port, "--port")
    assert require_free(port, "--port") == port
    assert require_free(0, "--port") > 0


@pytest.mark.parametrize(
    ("code", "words"), [(-9, "was killed by SIGKILL"), (2, "ended with code 2")]
)
def test_exit_codes_are_words(code: int, words: str) -> None:
    assert describe_exit(code) == words
