"""People's answers become labelled pictures, over the server's own API."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from datasets.importers.overrides import Server, read
from datasets.importers.places import Place
from datasets.importers.sightings import SourceError
from datasets.importing import Imported, import_found
from datasets.rubric import Rubric
from inference.records import Deletion
from inference.store import Store
from model.contract import DamageType, Grade, GradeInterval
from tests.inference.inference_factories import NOON, picture

RED, BLUE = picture(colour="red"), picture(colour="blue", form="PNG")


def _grade(client: TestClient, item_id: str, *pictures: bytes, capture: str = "1") -> None:
    files: list[tuple[str, Any]] = [
        ("item", (None, json.dumps({"item_id": item_id, "category": "parcel"}))),
        ("capture_id", (None, f"{item_id}-{capture}")),
        *(("images", ("a.jpg", data)) for data in pictures),
    ]
    assert client.post("/v1/grade", files=files).status_code == 200


def _answer(client: TestClient, item_id: str, grade: str | None, number: int) -> dict[str, Any]:
    body = {"override_id": f"o-{number}", "grade": grade, "operator": "Anna"}
    reply = client.post(f"/v1/items/{item_id}/overrides", json=body)
    assert reply.status_code == 201
    answered: dict[str, Any] = reply.json()
    return answered


def _server(client: TestClient) -> Server:
    def forward(request: httpx.Request) -> httpx.Response:
        reply = client.get(request.url.raw_path.decode())
        return httpx.Response(reply.status_code, content=reply.content, headers=dict(reply.headers))

    transport = httpx.MockTransport(forward)
    return Server(httpx.Client(transport=transport, base_url="http://server"))


def _imported(client: TestClient, folder: Path) -> Imported:
    into, place = Imported(), Place(folder, folder, copies="pictures/overrides")
    import_found(into, read(_server(client), folder), Rubric.load(), place, "overrides")
    return into


def test_each_view_of_an_answered_item_is_labelled_by_who_answered(
    client: TestClient, tmp_path: Path
) -> None:
    _grade(client, "R-1", RED, BLUE)
    _grade(client, "R-2", RED)
    _grade(client, "R-3", RED)
    _answer(client, "R-1", "salvage", 1)
    second = _answer(client, "R-1", "repairable", 2)
    _answer(client, "R-2", "new", 3)
    rows = _imported(client, tmp_path).rows
    assert [(row.item_id, row.view) for row in rows] == [("R-1", 0), ("R-1", 1), ("R-2", 0)]
    first, other, new = rows
    assert first.grade == other.grade == GradeInterval.exactly(Grade.REPAIRABLE)
    assert first.present == first.absent == ()
    assert new.absent == tuple(DamageType)
    assert (first.labelled_by, first.category, first.source) == ("Anna", "parcel", "overrides")
    assert first.labelled_at is not None
    assert first.labelled_at.isoformat().replace("+00:00", "Z") == second["created_at"]
    assert first.group == other.group != new.group
    assert first.sha256 == new.sha256 != other.sha256
    assert (first.picture[-4:], other.picture[-4:]) == (".jpg", ".png")


def test_an_answer_that_was_withdrawn_labels_nothing(client: TestClient, tmp_path: Path) -> None:
    _grade(client, "R-1", RED)
    _answer(client, "R-1", "salvage", 1)
    _answer(client, "R-1", None, 2)
    imported = _imported(client, tmp_path)
    assert imported.rows == []
    assert imported.left_out == {"overrides: the answer was withdrawn": ["R-1"]}


def test_the_pictures_are_those_that_the_answer_was_given_on(
    client: TestClient, tmp_path: Path
) -> None:
    _grade(client, "R-1", RED)
    _answer(client, "R-1", "salvage", 1)
    _grade(client, "R-1", BLUE, capture="2")
    (row,) = _imported(client, tmp_path).rows
    assert row.picture.endswith(".jpg")


def test_pictures_that_retention_deleted_are_left_out_and_said(
    client: TestClient, tmp_path: Path
) -> None:
    _grade(client, "R-1", RED, BLUE)
    _grade(client, "R-2", BLUE)
    for number, item_id in enumerate(("R-1", "R-2")):
        _answer(client, item_id, "salvage", number)
    sha256 = hashlib.sha256(RED).hexdigest()
    store = Store.open(f"sqlite:///{tmp_path / 'regrade.sqlite'}")
    store.add_deletions([Deletion(sha256, len(RED), "answered, its time was over", NOON)])
    store.close()
    (tmp_path / "pictures" / sha256[:2] / sha256).unlink()
    imported = _imported(client, tmp_path)
    assert [(row.item_id, row.view) for row in imported.rows] == [("R-1", 1), ("R-2", 0)]
    assert imported.problems == []
    assert imported.left_out == {"overrides: retention deleted the picture": ["R-1, view 0"]}


def test_bytes_that_are_not_the_picture_asked_for_are_refused(
    client: TestClient, tmp_path: Path
) -> None:
    _grade(client, "R-1", RED)
    _answer(client, "R-1", "salvage", 1)

    def swap(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/v1/images/"):
            return httpx.Response(200, content=BLUE)
        reply = client.get(request.url.raw_path.decode())
        return httpx.Response(reply.status_code, content=reply.content)

    server = Server(httpx.Client(transport=httpx.MockTransport(swap), base_url="http://server"))
    into, place = Imported(), Place(tmp_path, tmp_path, copies="pictures/overrides")
    import_found(into, read(server, tmp_path), Rubric.load(), place, "overrides")
    assert [problem.file for problem in into.problems] == ["R-1"]
    assert into.rows == []


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [(404, b"", "answers 404"), (200, b"<html>", "does not answer as"), (200, b"[1]", "does not")],
)
def test_what_is_no_server_of_ours_is_said(
    tmp_path: Path, status: int, body: bytes, reason: str
) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=body))
    server = Server(httpx.Client(transport=transport, base_url="http://server"))
    with pytest.raises(SourceError, match=reason):
        list(read(server, tmp_path))


def test_a_server_that_is_not_there_is_said(tmp_path: Path) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    server = Server(httpx.Client(transport=httpx.MockTransport(fail), base_url="http://server"))
    with pytest.raises(SourceError, match="cannot be reached: refused"):
        list(read(server, tmp_path))
