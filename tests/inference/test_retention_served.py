"""What callers and people see of retention: a deleted picture is said to be deleted."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from inference.app import create_app
from inference.models.lineup import Lineup
from inference.pictures import PictureStore
from inference.settings import ServerSettings
from inference.store import NewGrading, Store
from inference.upkeep.retention import Retention
from tests.inference.inference_factories import (
    NOON,
    OPEN_ACCESS,
    FakeGrader,
    facts,
    outcome,
    picture,
    verdict,
)

OLD, KEPT = picture(colour="red"), picture(colour="green")
SHA, KEPT_SHA = (hashlib.sha256(data).hexdigest() for data in (OLD, KEPT))


@pytest.fixture
def settings(tmp_path: Path) -> ServerSettings:
    """A site with one old item of two pictures, one of which is of a newer item too."""
    settings = ServerSettings(
        data_dir=tmp_path,
        host_names=frozenset({"testserver"}),
        access=OPEN_ACCESS,
        retention=Retention.model_validate({"keep_days": {"graded": 30}}),
    )
    pictures = PictureStore(settings.pictures_dir)
    for sha256, data in ((SHA, OLD), (KEPT_SHA, KEPT)):
        pictures.save(sha256, data)
        os.utime(settings.pictures_dir / sha256[:2] / sha256, (0, 0))
    store = Store.open(settings.sqlite_url)
    long_ago = NOON.replace(year=2020)
    of_two = verdict("R-1", graded_at=long_ago, images=(SHA,))
    store.add_gradings(
        [
            NewGrading(of_two, facts("R-1"), "print"),
            NewGrading(verdict("R-2", graded_at=long_ago, images=(KEPT_SHA,)), facts("R-2"), "p"),
        ]
    )
    store.hold("R-2", held=True, note="claim 7")
    store.add_outcomes([outcome("R-1", 1), outcome("R-2", 2)])
    store.close()
    return settings


@pytest.fixture
def client(settings: ServerSettings, grader: FakeGrader) -> TestClient:
    return TestClient(
        create_app(settings, Lineup(grader), Store.open(settings.sqlite_url)),
        raise_server_exceptions=False,
    )


def until_gone(client: TestClient, sha256: str) -> None:
    limit = time.monotonic() + 30
    while client.get(f"/v1/images/{sha256}").status_code == 200:
        assert time.monotonic() < limit, "the policy was not followed"


def test_the_server_follows_the_policy_and_says_what_it_deleted(client: TestClient) -> None:
    with client:
        until_gone(client, SHA)
        for path in (f"/v1/images/{SHA}", f"/v1/images/{SHA}/thumbnail"):
            reply = client.get(path)
            assert (reply.status_code, reply.json()["error"]["code"]) == (410, "image_deleted")
            assert "deleted by the retention policy on 20" in reply.json()["error"]["message"]
        assert client.get(f"/v1/images/{KEPT_SHA}").content == KEPT
        page = client.get("/items/R-1").text
        assert "Picture deleted by the retention policy on" in page
        assert f"/v1/images/{SHA}" not in page
        assert f"/v1/images/{KEPT_SHA}" in client.get("/items/R-2").text
        recent = client.get("/line/recent").text
        assert SHA not in recent
        assert KEPT_SHA in recent
        assert client.get("/v1/items/R-1").json()["gradings"][0]["images"] == [SHA]


def test_a_deleted_picture_that_comes_again_is_there_again(client: TestClient) -> None:
    with client:
        until_gone(client, SHA)
        files = [
            ("item", (None, json.dumps({"item_id": "R-3"}))),
            ("capture_id", (None, "cap-R-3")),
            ("images", ("a.jpg", OLD)),
        ]
        assert client.post("/v1/grade", files=files).status_code == 200  # type: ignore[arg-type]
        assert client.get(f"/v1/images/{SHA}").content == OLD
        assert "Picture deleted" not in client.get("/items/R-1").text
