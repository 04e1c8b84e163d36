"""The demo: every item ends in exactly one lane with a reason, and the demo ends as it should."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.processes import Command, Regrade, Site, eventually, processes_naming

QUIET = ("--port", 0, "--modbus-port", 0, "--no-browser", "--items-per-minute", 120)
LANES = {"restock", "open-box", "repair", "salvage", "manual"}
Serve = Callable[[Path], Site]


def records_of(site: Site) -> Iterator[dict[str, Any]]:
    """Every item of the record."""
    before: int | None = None
    while True:
        page: Any = site.get(f"/v1/items?limit=50{'' if before is None else f'&before={before}'}")
        for row in page["items"]:
            record: Any = site.get(f"/v1/items/{row['item_id']}")
            yield record
        before = page["next_before"]
        if before is None:
            return


def assert_every_item_ended_once(site: Site, items: int) -> Counter[str]:
    """Each item of the feed has one outcome, in a lane, with a reason; the counts agree.

    Returns:
        How many items each rule decided.
    """
    records = list(records_of(site))
    assert {record["item_id"] for record in records} == {
        f"RET-{number:06d}" for number in range(1, items + 1)
    }
    rules: Counter[str] = Counter()
    for record in records:
        assert len(record["outcomes"]) == 1, record
        (outcome,) = record["outcomes"]
        assert outcome["lane"] in LANES
        assert outcome["explanation"]
        rules[outcome["rule"]] += 1
    summary: Any = site.get("/v1/summary")
    for group in ("by_lane", "by_rule", "by_ending"):
        assert sum(summary[group].values()) == summary["outcomes"] == items
    assert summary["by_rule"] == rules
    return rules


def base_url(demo: Command) -> str:
    return demo.finds(r"http://127\.0\.0\.1:\d+")[0]


def outcomes_so_far(url: str) -> int:
    try:
        response = httpx.get(f"{url}/v1/summary")
    except httpx.TransportError:
        return 0
    return int(response.json()["outcomes"]) if response.is_success else 0


def wait_for_outcomes(url: str, number: int) -> None:
    eventually(lambda: outcomes_so_far(url) >= number or None, f"{number} items to end")


@pytest.mark.parametrize("protocol", [(), ("--opcua",)], ids=["modbus", "opcua"])
def test_every_item_ends_in_one_lane_and_the_record_says_why(
    regrade: Regrade, serve: Serve, tmp_path: Path, protocol: tuple[str, ...]
) -> None:
    demo = regrade("demo", *QUIET, *protocol, "--items", 24, "--data", tmp_path / "demo")
    assert demo.ends() == 0, demo.text()
    assert "24 items" in demo.text()
    assert not processes_naming(str(tmp_path)), "the demo left processes behind"

    rules = assert_every_item_ended_once(serve(tmp_path / "demo" / "server"), 24)
    assert rules["hold_recalled"] == 1
    decided = ("hold_", "grade_", "needs_review")
    assert all(rule.startswith(decided) for rule in rules), "a healthy line needs no fail-safe"


def test_any_folder_of_photographs_will_do_broken_ones_too(
    regrade: Regrade, serve: Serve, tmp_path: Path, sample_pictures: list[Path]
) -> None:
    photos = tmp_path / "photos" / "deep"
    photos.mkdir(parents=True)
    for picture in sample_pictures[:5]:
        (photos / picture.name).write_bytes(picture.read_bytes())
    (photos / "broken.jpg").write_bytes(sample_pictures[0].read_bytes()[:2000])
    (photos / "letter.png").write_bytes(b"Dear customer,")

    demo = regrade(
        "demo", *QUIET, "--items", 7, "--photos", photos.parent, "--data", tmp_path / "d"
    )
    assert demo.ends() == 0, demo.text()
    rules = assert_every_item_ended_once(serve(tmp_path / "d" / "server"), 7)
    assert rules["no_verdict"] == 2, "what cannot be graded goes to a person"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything(regrade: Regrade, tmp_path: Path, number: signal.Signals) -> None:
    demo = regrade("demo", *QUIET, "--data", tmp_path / "demo")
    url = base_url(demo)
    eventually(lambda: httpx.get(f"{url}/v1/lines").json() or None, "a line that reports")
    assert demo.ends(number) == 0, demo.text()
    assert "Ended." in demo.text()
    assert "Traceback" not in demo.text()
    assert not processes_naming(str(tmp_path)), "the demo left processes behind"


def test_an_impatient_second_signal_leaves_nobody_behind(regrade: Regrade, tmp_path: Path) -> None:
    demo = regrade("demo", *QUIET, "--data", tmp_path / "demo")
    url = base_url(demo)
    eventually(lambda: httpx.get(f"{url}/v1/lines").json() or None, "a line that reports")
    demo.process.send_signal(signal.SIGINT)
    assert demo.ends(signal.SIGINT) == 0, demo.text()
    assert not processes_naming(str(tmp_path)), "the demo left processes behind"


def test_the_parts_end_with_a_demo_that_is_killed(regrade: Regrade, tmp_path: Path) -> None:
    demo = regrade("demo", *QUIET, "--data", tmp_path / "demo")
    base_url(demo)
    demo.kill()
    eventually(lambda: not processes_naming(str(tmp_path)) or None, "its parts to end")


def test_the_record_of_an_earlier_run_is_not_mixed_with_a_new_one(
    regrade: Regrade, tmp_path: Path
) -> None:
    (tmp_path / "demo" / "server").mkdir(parents=True)
    demo = regrade("demo", *QUIET, "--items", 1, "--data", tmp_path / "demo")
    assert demo.ends() == 2
    assert "is not empty" in demo.text()


def test_a_port_in_use_is_said(regrade: Regrade, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        demo = regrade("demo", "--port", port, "--items", 1, "--data", tmp_path / "demo")
        assert demo.ends() == 2
    assert not (tmp_path / "demo").exists()
    assert re.search(rf"port {port} .*--port", demo.text(), re.DOTALL)
    assert "Traceback" not in demo.text()


@pytest.mark.parametrize("victim", ["serve", "plc", "sort"])
def test_a_killed_part_is_named_once_and_no_item_is_lost(
    regrade: Regrade, serve: Serve, tmp_path: Path, victim: str
) -> None:
    demo = regrade("demo", *QUIET, "--items", 40, "--data", tmp_path / "demo")
    wait_for_outcomes(base_url(demo), 4)
    (pid,) = [
        pid
        for pid in processes_naming(str(tmp_path))
        if f"regrade\0{victim}\0".encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(pid, signal.SIGKILL)

    assert demo.ends() == 0, demo.text()
    assert demo.text().count("was killed by SIGKILL") == 1
    assert_every_item_ended_once(serve(tmp_path / "demo" / "server"), 40)
