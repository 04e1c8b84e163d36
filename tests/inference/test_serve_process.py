"""``regrade serve`` as a process of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.inference.inference_factories import picture

pytestmark = pytest.mark.slow


class Process:
    """A server, its address, and the lines that it logged."""

    def __init__(
        self, data: Path, *more: str, access: tuple[str, ...] = ("--open-on-loopback",)
    ) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "regrade", "--log-json", "serve"),
                *("--port", "0", "--data", str(data), *access, *more),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self.url = self._wait_for_url()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _wait_for_url(self) -> str:
        assert self.process.stderr
        for line in self.process.stderr:
            self.lines.append(line)
            if found := re.search(r'"url": "(https?://[^"]+)"', line):
                return found[1]
        raise AssertionError("".join(self.lines))

    def _read(self) -> None:
        assert self.process.stderr
        self.lines += self.process.stderr

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        code = self.process.wait(timeout=30)
        self._reader.join()
        assert self.process.stderr
        self.process.stderr.close()
        return code


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path)
    yield process
    if process.process.poll() is None:
        process.stop(signal.SIGKILL)


def grade(
    url: str, item_id: str = "R-1", *, headers: dict[str, str] | None = None
) -> httpx.Response:
    files: list[tuple[str, Any]] = [
        ("item", (None, json.dumps({"item_id": item_id}))),
        ("capture_id", (None, f"cap-{item_id}")),
        ("images", ("a.jpg", picture(width=320, height=240))),
    ]
    return httpx.post(f"{url}/v1/grade", files=files, headers=headers, timeout=30)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "regrade", "serve", *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_serving_never_loads_torch_or_onnx() -> None:
    code = (
        "import sys, inference.app, inference.serving, inference.cli, inference.pages.routes; "
        "sys.exit(bool({'torch', 'onnx'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_it_grades_with_the_shipped_bundle_logs_a_line_and_stops_when_told(
    server: Process,
) -> None:
    assert httpx.get(f"{server.url}/health/ready").json()["ready"]
    assert grade(server.url).status_code == 200
    assert server.stop() == 0
    events = [json.loads(line) for line in server.lines]
    assert [each["event"] for each in events] == ["serving", "item_graded", "stopped"]
    assert events[1]["item_id"] == "R-1"


def test_an_open_event_stream_and_a_long_poll_do_not_hold_up_the_stop(server: Process) -> None:
    state = {
        "line_id": "line1",
        "at": "2026-03-02T12:00:00Z",
        "plc_connected": True,
        "packml_state": "Execute",
        "speed_mm_s": 500,
        "belt_mm": 9000,
        "lanes": [],
        "items": [],
    }
    httpx.put(f"{server.url}/v1/lines/line1/state", json=state).raise_for_status()
    polling = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    with (
        contextlib.closing(polling),
        httpx.stream("GET", f"{server.url}/v1/lines/line1/events", timeout=60) as events,
    ):
        first = next(events.iter_lines())
        assert first.startswith('data: {"line_id":"line1"')
        polling.request("GET", "/v1/overrides?wait_s=25")
        # Connections are accepted in order: with this answer, the long poll has been accepted too.
        httpx.get(f"{server.url}/health/live").raise_for_status()
        assert server.stop() == 0
        reply = polling.getresponse()
        assert (reply.status, reply.read()) == (200, b"[]")


def test_what_was_answered_outlives_kill_9(server: Process, tmp_path: Path) -> None:
    verdict = grade(server.url).json()
    server.stop(signal.SIGKILL)
    again = Process(tmp_path)
    try:
        assert httpx.get(f"{again.url}/v1/items/R-1").json()["gradings"] == [verdict]
        assert grade(again.url).json() == verdict
        image = httpx.get(f"{again.url}/v1/images/{verdict['images'][0]}")
        assert image.status_code == 200
    finally:
        again.stop()


@pytest.mark.parametrize("chunked", [False, True], ids=["with Content-Length", "chunked"])
def test_a_body_of_30_mb_gets_its_answer_over_a_real_socket(
    server: Process, *, chunked: bool
) -> None:
    piece = bytes(1_000_000)
    headers = {"Content-Type": "multipart/form-data; boundary=xx"}
    head = b'--xx\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\n'
    whole = (part for part in (head, *[piece] * 30)) if chunked else head + piece * 30
    reply = httpx.post(f"{server.url}/v1/grade", content=whole, headers=headers, timeout=30)
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "body_too_large")
    assert grade(server.url).status_code == 200


def test_a_client_that_hangs_up_half_way_is_no_fault(server: Process) -> None:
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 80)) as half:
        half.sendall(
            b"POST /v1/grade HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n"
            b"Content-Type: multipart/form-data; boundary=xx\r\n\r\n--xx\r\n"
        )
    assert grade(server.url).status_code == 200
    assert server.stop() == 0
    assert "Traceback" not in "".join(server.lines)


def test_a_port_in_use_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("--port", port, "--data", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"regrade serve: 127.0.0.1:{port} is in use by another program; "
        "stop it or choose another --port"
    ]


def test_a_directory_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    done = run("--port", "0", "--data", str(tmp_path / "data"), "--bundle", str(tmp_path))
    assert done.returncode == 3
    assert "has no manifest.json" in done.stderr


def test_a_store_that_cannot_be_reached_is_refused(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    done = run("--port", "0", "--data", str(tmp_path), "--store", url)
    assert done.returncode == 4
    assert "cannot be opened" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_start_loads_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    """Each of these takes a tenth of a start on an old processor."""
    code = (
        "import sys, inference.app, inference.serving, inference.cli, inference.models.startup; "
        "from inference.store import Store; "
        f"Store.open('sqlite:///{tmp_path / 'regrade.sqlite'}').close(); "
        "print(*{'alembic', 'mako', 'psycopg', 'sqlalchemy.dialects.postgresql'} & set(sys.modules))"
    )
    first, then = (
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        for _ in range(2)
    )
    assert "alembic" in first.stdout
    assert then.stdout.split() == []
