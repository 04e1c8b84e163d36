"""The demo's child processes: started, watched, started again when they die, and ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from regrade.demo.errors import ProcessError, UsageError

_STOP_S = 8.0
_RESTARTS = 5
_RESTART_WINDOW_S = 60.0


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def require_free(port: int, option: str) -> int:
    """Give ``port`` back, or a free one for 0.

    Raises:
        UsageError: Somebody listens on it.
    """
    if port == 0:
        return free_port()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageError(
                f"port {port} cannot be used ({error.strerror}); "
                f"end what listens on it or choose another with {option} (0 finds a free one)"
            ) from error
    return port


@dataclass(slots=True)
class Part:
    """One child process."""

    name: str
    arguments: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """Beside ours: what must not be seen in the list of processes."""
    process: subprocess.Popen[bytes] | None = None
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=_RESTARTS))

    def start(self) -> None:
        """Start it, its output appended to its log."""
        if self.process and self.process.stdin:
            self.process.stdin.close()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "regrade", *self.arguments],
                # Held open as long as we live: a part ends with us, even when we are killed.
                stdin=subprocess.PIPE,
                env={**os.environ, "REGRADE_END_WITH_STDIN": "1", **self.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone; we end the parts in order
            )

    def exit_code(self) -> int | None:
        """Its exit code, or None while it runs."""
        return self.process.poll() if self.process else None

    def last_words(self, lines: int = 12) -> str:
        """The end of its log."""
        text = self.log.read_text("utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def describe_exit(code: int) -> str:
    """What an exit code of ``subprocess`` means, in words."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


class Crew:
    """All parts of the demo."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._parts: list[Part] = []

    def start(self, part: Part, ready: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Start a part and wait until it is ready.

        Raises:
            ProcessError: It ends, or is not ready in time.
        """
        self._parts.append(part)
        part.start()
        limit = time.monotonic() + timeout_s
        while not ready():
            for other in self._parts:
                if (code := other.exit_code()) is not None:
                    raise ProcessError(f"{other.name} {describe_exit(code)}:\n{other.last_words()}")
            if time.monotonic() > limit:
                raise ProcessError(
                    f"{part.name} is not ready after {timeout_s:.0f} s:\n{part.last_words()}"
                )
            time.sleep(0.1)

    def mend(self) -> None:
        """Start again whatever has died.

        Raises:
            ProcessError: A part dies too often.
        """
        for part in self._parts:
            code = part.exit_code()
            if code is None:
                continue
            now = time.monotonic()
            part.deaths.append(now)
            if len(part.deaths) == _RESTARTS and now - part.deaths[0] < _RESTART_WINDOW_S:
                raise ProcessError(
                    f"{part.name} {describe_exit(code)}, {_RESTARTS} times within a minute:\n"
                    f"{part.last_words()}"
                )
            self._say(f"{part.name} {describe_exit(code)}; it is started again")
            part.start()

    def stop(self) -> None:
        """End every part; whoever does not listen is killed."""
        running = [
            (part.name, part.process)
            for part in self._parts
            if part.process is not None and part.process.poll() is None
        ]
        for _, process in running:
            process.terminate()
        for name, process in running:
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._say(f"{name} does not end within {_STOP_S:.0f} s and is killed")
                process.kill()
                process.wait()
            if process.stdin:
                process.stdin.close()


@contextmanager
def crew(say: Callable[[str], None]) -> Iterator[Crew]:
    """A crew that is ended on the way out, whatever happens."""
    members = Crew(say)
    try:
        yield members
    finally:
        members.stop()
