"""A full disk, a lost database: a clear refusal, not ready, nothing lost, and back by itself."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from inference.app import create_app
from inference.models.lineup import Lineup
from inference.settings import ServerSettings
from inference.store import Store
from tests.inference.inference_factories import OPEN_ACCESS, FakeGrader, picture


class Site:
    """A running application, and what it acknowledged."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.verdicts: dict[str, dict[str, Any]] = {}
        self.number = 0

    def grade(self) -> Response:
        """A new item with a picture of its own."""
        self.number += 1
        return self.again(f"R-{self.number}", picture(width=64 + self.number, height=480))

    def again(self, item_id: str, data: bytes) -> Response:
        files: list[tuple[str, Any]] = [
            ("item", (None, json.dumps({"item_id": item_id}))),
            ("capture_id", (None, f"cap-{item_id}")),
            ("images", ("a.jpg", data)),
        ]
        reply: Response = self.client.post("/v1/grade", files=files)
        if reply.status_code == 200:
            self.verdicts[item_id] = reply.json()
        return reply

    def is_refused(self, reply: Response) -> bool:
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "store_unavailable")
        return int(reply.headers["Retry-After"]) >= 1

    def problem(self) -> str:
        """What readiness says; '' when ready."""
        reply = self.client.get("/health/ready")
        assert reply.json()["ready"] is (reply.status_code == 200)
        assert self.client.get("/health/live").status_code == 200
        return "; ".join(reply.json()["problems"])

    def holds_everything(self) -> bool:
        for item_id, verdict in self.verdicts.items():
            assert self.client.get(f"/v1/items/{item_id}").json()["gradings"] == [verdict]
            assert self.client.get(f"/v1/images/{verdict['images'][0]}").status_code == 200
        return len(self.verdicts) > 0


@contextmanager
def site_of(data: Path, grader: FakeGrader, url: str | None = None) -> Iterator[Site]:
    settings = ServerSettings(
        data_dir=data, host_names=frozenset({"testserver"}), access=OPEN_ACCESS
    )
    store = Store.open(url or settings.sqlite_url)
    app = create_app(settings, Lineup(grader), store)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Site(client)


@pytest.fixture(autouse=True)
def readiness_looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.readiness._EVERY_S", 0.0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)],  # noqa: S607
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.decode()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)  # noqa: S607


def fill(ballast: Path) -> None:
    """To the last block."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_a_full_disk_is_refused_and_forgotten_when_there_is_room(
    small_disk: Path, grader: FakeGrader
) -> None:
    with site_of(small_disk, grader) as site:
        assert site.grade().status_code == 200
        assert site.problem() == ""
        ballast = small_disk / "ballast"
        fill(ballast)
        while (reply := site.grade()).status_code == 200:
            pass  # what SQLite's log had room for already
        assert site.is_refused(reply)
        assert "No space left" in site.problem()
        assert site.holds_everything(), "reading goes on"
        ballast.unlink()
        assert site.problem() == ""
        assert site.grade().status_code == 200
        assert site.holds_everything()


def test_a_full_disk_of_the_database_alone_is_seen_too(
    small_disk: Path, tmp_path: Path, grader: FakeGrader
) -> None:
    url = f"sqlite:///{small_disk / 'regrade.sqlite'}"
    with site_of(tmp_path / "data", grader, url) as site:
        assert site.grade().status_code == 200
        ballast = small_disk / "ballast"
        fill(ballast)
        replies = (site.grade() for _ in range(400))
        reply = next(each for each in replies if each.status_code != 200)
        assert site.is_refused(reply)
        assert "disk is full" in site.problem()
        assert site.holds_everything()
        ballast.unlink()
        assert site.problem() == ""
        assert site.grade().status_code == 200
        assert site.holds_everything()


def test_a_database_file_that_was_taken_away_is_not_written_on(
    tmp_path: Path, grader: FakeGrader
) -> None:
    """SQLite would go on in the removed file, and acknowledge what nobody will find again."""
    with site_of(tmp_path, grader) as site:
        assert site.grade().status_code == 200
        files = list(tmp_path.glob("regrade.sqlite*"))
        (tmp_path / "away").mkdir()
        for file in files:
            shutil.move(file, tmp_path / "away")
        assert site.is_refused(site.grade())
        assert "unable to open database file" in site.problem()
        assert not (tmp_path / "regrade.sqlite").exists(), "no empty one in its place"
        for file in files:
            shutil.move(tmp_path / "away" / file.name, tmp_path)
        assert site.problem() == ""
        assert site.grade().status_code == 200
        assert site.holds_everything()


def test_a_damaged_database_is_said_and_its_copy_is_served(
    tmp_path: Path, grader: FakeGrader
) -> None:
    path = tmp_path / "regrade.sqlite"
    with site_of(tmp_path, grader) as site:
        assert site.grade().status_code == 200
    whole = path.read_bytes()
    with site_of(tmp_path, grader) as again:
        again.verdicts = site.verdicts
        path.with_suffix(".new").write_bytes(b"no database" * 1000)
        path.with_suffix(".new").replace(path)
        assert again.is_refused(again.grade())
        assert "not a database" in again.problem()
        path.with_suffix(".new").write_bytes(whole)
        for log in tmp_path.glob("regrade.sqlite-*"):
            log.unlink()
        path.with_suffix(".new").replace(path)
        assert again.problem() == ""
        assert again.holds_everything()


def test_a_locked_database_is_waited_for_and_then_refused(
    tmp_path: Path, grader: FakeGrader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.store.engine._LOCK_MS", 100)
    with site_of(tmp_path, grader) as site:
        assert site.grade().status_code == 200
        other = sqlite3.connect(tmp_path / "regrade.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert site.is_refused(site.grade())
        assert "database is locked" in site.problem()
        assert site.holds_everything()
        other.execute("ROLLBACK")
        other.close()
        assert site.problem() == ""
        assert site.grade().status_code == 200


class Wire:
    """Between the server and PostgreSQL; it can be cut."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            self._open += [near, far]
            for one, other in ((near, far), (far, near)):
                thread = threading.Thread(target=self._copy, args=(one, other), daemon=True)
                self._threads.append(thread)
                thread.start()

    @staticmethod
    def _copy(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for end in (one, other):  # closing it here would not wake who reads from it
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Nobody is connected, and nobody can connect."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()  # who is being let in is among those that are open
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in self._open:
            end.close()
        self._open.clear()

    def mend(self) -> None:
        """As before, at the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()


def through(url: str, wire: Wire) -> str:
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    return urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{wire.port}"))


def test_postgresql_that_is_away_is_refused_and_forgotten_when_it_is_back(
    fresh_postgres: str, tmp_path: Path, grader: FakeGrader
) -> None:
    parts = urlsplit(fresh_postgres)
    with ExitStack() as stack:
        wire = Wire((parts.hostname or "127.0.0.1", parts.port or 5432))
        stack.callback(wire.cut)
        site = stack.enter_context(site_of(tmp_path, grader, through(fresh_postgres, wire)))
        assert site.grade().status_code == 200
        wire.cut()
        assert site.is_refused(site.grade())
        assert site.is_refused(site.client.get("/v1/items/R-1"))
        assert "connection" in site.problem()
        wire.mend()
        assert site.problem() == ""
        assert site.grade().status_code == 200
        assert site.holds_everything()


def test_connections_that_postgresql_ended_are_made_anew(
    fresh_postgres: str, tmp_path: Path, grader: FakeGrader
) -> None:
    name = f"regrade-ended-{os.getpid()}"
    with site_of(tmp_path, grader, f"{fresh_postgres}&application_name={name}") as site:
        assert site.grade().status_code == 200
        with psycopg.connect(fresh_postgres.partition("?")[0], autocommit=True) as admin:
            ended = admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
                [name],
            ).fetchall()
        assert ended
        assert site.grade().status_code == 200, "a dead connection is found before it is used"
        assert site.problem() == ""
        assert site.holds_everything()
