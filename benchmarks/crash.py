"""Kills a server under load with SIGKILL, again and again, and counts what was acknowledged and is gone.

    python -m benchmarks.crash [--kills 100] [--store postgresql://user@host/empty]

Several clients grade, answer for people and report outcomes all the time. After each kill the server
is started again on the same data. Everything that was acknowledged since the last start is asked for:
the same request must get the same verdict, to the letter, the pictures must be there, byte for byte,
answers and outcomes must be known. What was sent and not acknowledged is sent again and must be taken.
At the end the record is held against the ledger as a whole, and the store is checked (`regrade store
check`).
"""

from __future__ import annotations

import argparse
import hashlib
import io
import itertools
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from inference.pictures import PictureStore
from inference.settings import ServerSettings
from inference.store.engine import connect
from inference.upkeep.check import check

_GRADERS = 4
_LIFE_S = (0.2, 2.0)
_TIMEOUT_S = 30.0
_OUTCOMES = 5


@dataclass(frozen=True, slots=True)
class Capture:
    """One request to grade."""

    number: int

    @property
    def item_id(self) -> str:
        """Two captures of each item, so that items are derived anew too."""
        return f"R-{self.number // 2}"

    @property
    def capture_id(self) -> str:
        return f"C-{self.number}"

    def picture(self) -> bytes:
        """Of its own, always the same."""
        noise = random.Random(self.number).randbytes(64 * 48)  # noqa: S311
        out = io.BytesIO()
        Image.frombytes("L", (64, 48), noise).resize((320, 240)).save(out, "JPEG")
        return out.getvalue()


@dataclass
class Ledger:
    """What the clients were told, and what they do not know."""

    verdicts: dict[Capture, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    outcomes: set[str] = field(default_factory=set)
    doubtful: dict[str, Callable[[httpx.Client], None]] = field(default_factory=dict)
    """Requests that got no reply, by their id, to be sent again."""
    wrong: list[str] = field(default_factory=list)
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """Counts."""

    kills: int
    graded: int
    answered: int
    reported: int
    sent_again: int
    """Requests that a kill left without a reply."""
    refused: int
    wrong: tuple[str, ...]
    """One sentence for everything that is not as it was acknowledged."""


class Clients:
    """Threads that use a server until they are told to stop; a lost reply is a doubt, no fault."""

    def __init__(self, ledger: Ledger, numbers: Iterator[int]) -> None:
        self._ledger = ledger
        self._numbers = numbers
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, url: str) -> None:
        self._stop.clear()
        works = [self._grade] * _GRADERS + [self._answer, self._report]
        self._threads = [threading.Thread(target=self._run, args=(url, work)) for work in works]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, url: str, work: Callable[[httpx.Client], None]) -> None:
        with httpx.Client(base_url=url, timeout=_TIMEOUT_S) as client:
            while not self._stop.is_set():
                try:
                    work(client)
                except httpx.TransportError:
                    self._stop.wait(0.05)

    def _grade(self, client: httpx.Client) -> None:
        capture = Capture(next(self._numbers))
        self._surely(capture.capture_id, lambda via: grade(via, capture, self._ledger), client)

    def _answer(self, client: httpx.Client) -> None:
        if not self._ledger.verdicts:
            self._stop.wait(0.05)
            return
        capture = random.choice(list(self._ledger.verdicts))  # noqa: S311
        override_id = f"o-{next(self._numbers)}"
        self._surely(
            override_id, lambda via: answer(via, capture.item_id, override_id, self._ledger), client
        )

    def _report(self, client: httpx.Client) -> None:
        ids = [next(self._numbers) for _ in range(_OUTCOMES)]
        self._surely(f"batch-{ids[0]}", lambda via: report(via, ids, self._ledger), client)

    def _surely(
        self, name: str, send: Callable[[httpx.Client], None], client: httpx.Client
    ) -> None:
        self._ledger.doubtful[name] = send
        send(client)
        del self._ledger.doubtful[name]


def _told(reply: httpx.Response, ledger: Ledger, what: str) -> Any:
    if reply.status_code == httpx.codes.SERVICE_UNAVAILABLE and "retry-after" in reply.headers:
        ledger.refused += 1
        return None
    if not reply.is_success:
        ledger.wrong.append(f"{what}: {reply.status_code} {reply.text}")
        return None
    return reply.json()


def grade(client: httpx.Client, capture: Capture, ledger: Ledger) -> None:
    """Grade, and compare with what was said before."""
    files: list[tuple[str, Any]] = [
        ("item", (None, json.dumps({"item_id": capture.item_id}))),
        ("capture_id", (None, capture.capture_id)),
        ("images", ("a.jpg", capture.picture())),
    ]
    reply = client.post("/v1/grade", files=files)
    verdict = _told(reply, ledger, capture.capture_id)
    if verdict is not None and ledger.verdicts.setdefault(capture, verdict) != verdict:
        ledger.wrong.append(f"{capture.capture_id} got another verdict when it was sent again")


def answer(client: httpx.Client, item_id: str, override_id: str, ledger: Ledger) -> None:
    """Answer for a person, and compare with what was said before."""
    body = {"override_id": override_id, "grade": "salvage", "operator": "Anna"}
    stored = _told(client.post(f"/v1/items/{item_id}/overrides", json=body), ledger, override_id)
    if stored is not None and ledger.answers.setdefault(override_id, stored) != stored:
        ledger.wrong.append(f"{override_id} got another reply when it was sent again")


def report(client: httpx.Client, ids: list[int], ledger: Ledger) -> None:
    """Report outcomes, of items of which some were graded."""
    batch = [
        {
            "outcome_id": f"line1:b1:{tid}",
            "line_id": "line1",
            "tid": tid,
            "item_id": f"R-{tid // 2}",
            "ending": "diverted",
            "lane": "repair",
            "assigned_lane": "repair",
            "rule": "best-value",
            "explanation": "repair recovers most",
            "announced_at": "2026-03-02T12:00:00Z",
            "ended_at": "2026-03-02T12:00:09Z",
        }
        for tid in ids
    ]
    if _told(client.post("/v1/outcomes", json=batch), ledger, f"outcomes {ids}") is not None:
        ledger.outcomes |= {str(each["outcome_id"]) for each in batch}


@contextmanager
def server(data: Path, store: str | None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that serves, and its address; killed at the end."""
    command = [sys.executable, "-m", "regrade", "--log-json", "serve", "--open-on-loopback"]
    command += ["--port", "0", "--data", str(data), *(["--store", store] if store else [])]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603
    assert process.stderr  # noqa: S101
    reading = threading.Thread(target=lambda: [None for _ in process.stderr or ()])
    try:
        for line in process.stderr:
            if found := re.search(r'"url": "(http://[^"]+)"', line):
                reading.start()  # a full pipe would stop the server
                yield process, found[1]
                return
        raise SystemExit("error: the server did not start")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        if reading.ident:
            reading.join()
        process.stderr.close()


def compare(url: str, ledger: Ledger, since: list[Capture]) -> None:
    """After a start: the doubtful is sent again, and what was acknowledged meanwhile is asked for."""
    with httpx.Client(base_url=url, timeout=_TIMEOUT_S) as client:
        for name, send in list(ledger.doubtful.items()):
            send(client)
            del ledger.doubtful[name]
        for capture in since:
            grade(client, capture, ledger)
            sha256 = hashlib.sha256(capture.picture()).hexdigest()
            if client.get(f"/v1/images/{sha256}").content != capture.picture():
                ledger.wrong.append(f"the picture of {capture.capture_id} is not what was sent")


def compare_all(url: str, ledger: Ledger) -> None:
    """The whole record against the whole ledger."""
    with httpx.Client(base_url=url, timeout=_TIMEOUT_S) as client:
        answers: list[dict[str, Any]] = []
        while page := client.get(
            "/v1/overrides", params={"after": answers[-1]["seq"] if answers else 0}
        ).json():
            answers += page
        if {each["override_id"]: each for each in answers} != ledger.answers:
            ledger.wrong.append("the answers are not those that were acknowledged")
        for item_id in {capture.item_id for capture in ledger.verdicts}:
            record = client.get(f"/v1/items/{item_id}").json()
            said = {
                capture.capture_id: verdict
                for capture, verdict in ledger.verdicts.items()
                if capture.item_id == item_id
            }
            if {each["capture_id"]: each for each in record["gradings"]} != said:
                ledger.wrong.append(f"the gradings of {item_id} are not those acknowledged")
        summary = client.get("/v1/summary").json()
        counted = (summary["graded"], summary["outcomes"])
        if counted != (len(ledger.verdicts), len(ledger.outcomes)):
            ledger.wrong.append(f"the record counts {counted} gradings and outcomes")


def crash(kills: int, data: Path, store: str | None = None) -> Found:
    """Kill so often.

    Args:
        kills: Number of times.
        data: An empty directory.
        store: URL of an empty PostgreSQL database; None: SQLite.
    """
    ledger, numbers = Ledger(), itertools.count()
    clients = Clients(ledger, numbers)
    sent_again = 0
    seen: set[Capture] = set()
    for number in range(kills + 1):
        with server(data, store) as (process, url):
            sent_again += len(ledger.doubtful)
            compare(url, ledger, [each for each in ledger.verdicts if each not in seen])
            seen = set(ledger.verdicts)
            if number == kills:
                compare_all(url, ledger)
                break
            clients.start(url)
            time.sleep(random.uniform(*_LIFE_S))  # noqa: S311
            process.send_signal(signal.SIGKILL)
            clients.stop()
    settings = ServerSettings(data)
    engine = connect(store or settings.sqlite_url)
    ledger.wrong += check(engine, PictureStore(settings.pictures_dir), hashes=True).problems
    engine.dispose()
    return Found(
        kills=kills,
        graded=len(ledger.verdicts),
        answered=len(ledger.answers),
        reported=len(ledger.outcomes),
        sent_again=sent_again,
        refused=ledger.refused,
        wrong=tuple(ledger.wrong),
    )


def main() -> None:
    """Kill, and print the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--store", help="an empty PostgreSQL database; left out: SQLite")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as data:
        found = crash(chosen.kills, Path(data), chosen.store)
    print(json.dumps(asdict(found), indent=2))
    raise SystemExit(1 if found.wrong else 0)


if __name__ == "__main__":
    main()
