"""From camera to verdict: what is fetched, sent, and said when something is missing."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from model.contract import ItemFacts
from regrade.client import AccessError, AnswerError, AsyncClient, BusyError, RefusedError
from sorter_control.controller.camera import Picture
from sorter_control.controller.commands import RequestGrade
from sorter_control.controller.facts import load_facts
from sorter_control.controller.grading import Grading
from sorter_control.controller.observations import Graded, Identified, NotGraded, Observation
from sorter_control.controller.server import Server
from sorter_control.errors import CameraError, SettingsError
from sorter_control.sim.camera import CameraStation
from sorter_control.sim.feed import Feed, FeedRow
from tests.sorter_control.fake_server import FACTS, PICTURE, FakeServer, camera_of


async def test_the_camera_gives_plate_and_pictures(station: CameraStation) -> None:
    async with camera_of(station) as camera:
        capture = await camera.capture(4)
        assert (capture.item_id, capture.pictures) == (
            "RET-0",
            ("/captures/4/0.jpg", "/captures/4/1.jpg"),
        )
        picture = await camera.picture(capture.pictures[1])
        assert picture == Picture("1.jpg", "image/jpeg", PICTURE)
        assert (await camera.capture(5)).item_id is None


async def test_a_capture_that_is_not_there_yet_is_waited_for(station: CameraStation) -> None:
    async with camera_of(station) as camera:
        waiting = asyncio.create_task(camera.capture(9))
        await asyncio.sleep(0)
        station.photograph(9, FeedRow(item_id="RET-9", pictures=(Path("x.jpg"),)))
        assert (await waiting).item_id == "RET-9"


async def test_a_picture_that_does_not_exist_is_an_error(station: CameraStation) -> None:
    async with camera_of(station) as camera:
        for path in ("/captures/4/2.jpg", "/captures/99/0.jpg", "/captures/4/x.jpg"):
            with pytest.raises(CameraError, match="does not give"):
                await camera.picture(path)


async def graded(
    station: CameraStation,
    server: FakeServer,
    tid: int,
    deadline_s: float = 5.0,
    *,
    awaited: bool = True,
) -> list[Observation]:
    seen: list[Observation] = []
    async with camera_of(station) as camera:
        grading = Grading(camera, Server(server.client), FACTS, seen.append, lambda _: awaited)
        await grading.run(RequestGrade(tid, f"line-1:1:{tid}", deadline_s))
    return seen


async def test_an_item_is_identified_then_graded(
    station: CameraStation, server: FakeServer
) -> None:
    identified, verdict = await graded(station, server, 4)
    assert identified == Identified(4, "RET-0", FACTS["RET-0"])
    assert isinstance(verdict, Graded)
    assert verdict.verdict.capture_id == "line-1:1:4"
    (request,) = server.graded
    assert 0 < int(request.headers["X-Deadline-Ms"]) <= 5000
    assert request.content.count(PICTURE) == 2


async def test_an_item_whose_verdict_is_known_by_its_plate_is_not_graded_again(
    station: CameraStation, server: FakeServer
) -> None:
    (identified,) = await graded(station, server, 4, awaited=False)
    assert identified == Identified(4, "RET-0", FACTS["RET-0"])
    assert not server.graded


@pytest.mark.parametrize(
    ("tid", "rule", "item_id"),
    [(5, "no_read", None), (6, "no_facts", "RET-6"), (99, "no_capture", None)],
)
async def test_what_is_missing_is_said(
    station: CameraStation, server: FakeServer, tid: int, rule: str, item_id: str | None
) -> None:
    (missed,) = await graded(station, server, tid, deadline_s=0.2)
    assert isinstance(missed, NotGraded)
    assert (missed.failure.rule, missed.item_id) == (rule, item_id)
    assert not server.graded


async def test_a_server_that_is_away_is_no_verdict(
    station: CameraStation, server: FakeServer
) -> None:
    server.up = False
    identified, missed = await graded(station, server, 4, deadline_s=0.5)
    assert isinstance(identified, Identified)
    assert isinstance(missed, NotGraded)
    assert missed.failure.rule == "no_verdict"
    assert "could not be reached" in missed.failure.explanation


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (503, BusyError),
        (500, BusyError),
        (429, BusyError),
        (403, AccessError),
        (422, RefusedError),
    ],
)
async def test_an_answer_is_either_later_or_never(status: int, error: type[Exception]) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, text="why")

    transport = httpx.MockTransport(answer)
    async with AsyncClient("http://server", transport=transport) as client:
        with pytest.raises(error, match="why"):
            await Server(client).post_outcomes([])


@pytest.mark.parametrize("body", ["", "[]", "{}"])
async def test_an_answer_that_is_no_verdict_is_refused(body: str) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, text=body))
    async with AsyncClient("http://server", transport=transport) as client:
        with pytest.raises(AnswerError, match="no verdict"):
            await Server(client).grade("c", FACTS["RET-0"], [], 1.0)


def test_facts_are_lines_of_facts_or_of_a_feed(tmp_path: Path) -> None:
    path = tmp_path / "facts.jsonl"
    path.write_text(
        '{"item_id": "A", "recalled": true}\n\n'
        '{"item_id": "B", "pictures": ["b.jpg"], "facts": {"fraud_hold": true}}\n'
        '{"item_id": null, "pictures": ["c.jpg"]}\n'
    )
    facts = load_facts(path)
    assert facts == {
        "A": ItemFacts(item_id="A", recalled=True),
        "B": ItemFacts(item_id="B", fraud_hold=True),
    }


@pytest.mark.parametrize("line", ["{", '{"item_id": "A", "colour": 1}', '{"item_id": "B"}', "3"])
def test_a_line_that_is_no_facts_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "facts.jsonl"
    path.write_text(f'{{"item_id": "B"}}\n{line}\n')
    with pytest.raises(SettingsError, match="line 2"):
        load_facts(path)


@pytest.mark.parametrize(
    "row",
    [
        {"item_id": "A", "pictures": []},
        {"item_id": "A", "pictures": ["missing.jpg"]},
        {"item_id": "A b", "pictures": ["a.jpg"]},
        {"item_id": "A", "pictures": ["a.jpg"], "weight": 3},
    ],
)
def test_a_feed_row_that_is_wrong_is_named(tmp_path: Path, row: dict[str, object]) -> None:
    (tmp_path / "a.jpg").write_bytes(PICTURE)
    path = tmp_path / "feed.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(SettingsError, match="line 1"):
        Feed.load(path)
