"""What ``/v2`` answers, and what it refuses."""

from __future__ import annotations

import base64
import gzip
import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from inference.readiness import ReadinessWatch
from inference.settings import Capacity, UploadLimits
from model.contract import Assessment
from tests.inference.inference_factories import FakeGrader, assessment, picture

INFER = "/v2/models/fake/infer"


def images(*items: list[bytes], **more: Any) -> dict[str, Any]:
    """A request in JSON alone."""
    texts = [[base64.b64encode(view).decode() for view in item] for item in items]
    tensor = {
        "name": "images",
        "shape": [len(items), len(items[0])],
        "datatype": "BYTES",
        "parameters": {"content_type": "base64"},
        "data": texts,
    }
    return {"inputs": [tensor], **more}


def said(reply: Response) -> tuple[int, str]:
    """Status and text of an error in the protocol's shape."""
    document = reply.json()
    assert set(document) == {"error"}
    return reply.status_code, document["error"]


def outputs(reply: Response) -> dict[str, Any]:
    assert reply.status_code == 200, reply.text
    return {each["name"]: each for each in reply.json()["outputs"]}


def test_items_of_several_views_are_rows(client: TestClient, grader: FakeGrader) -> None:
    reply = client.post(INFER, json=images([picture(), picture()], [picture(), picture()], id="a"))
    found = outputs(reply)
    assert grader.assessed == 2
    assert (reply.json()["model_version"], reply.json()["id"]) == ("1", "a")
    assert found["grade"]["shape"] == [2, 1]
    assert found["grade"]["data"] == ["lightly_used"] * 2
    assert found["probabilities"]["shape"] == [2, 4]
    assert np.allclose(found["probabilities"]["data"], [1 / 30, 0.9, 1 / 30, 1 / 30] * 2)
    assert found["prediction_set"]["data"] == [False, True, False, False] * 2
    assert len(json.loads(found["assessment"]["data"][0])["quality"]) == 2


def test_metadata_names_what_infer_answers(client: TestClient) -> None:
    metadata = client.get("/v2/models/fake").json()
    found = outputs(client.post(INFER, json=images([picture()])))
    assert [each["name"] for each in metadata["outputs"]] == list(found)
    for each in metadata["outputs"]:
        assert found[each["name"]]["datatype"] == each["datatype"]
        assert found[each["name"]]["shape"] == [1, *each["shape"][1:]]


def test_nothing_is_stored(client: TestClient) -> None:
    outputs(client.post(INFER, json=images([picture()])))
    assert client.get("/v1/items").json()["items"] == []
    assert client.get("/v1/summary").json()["graded"] == 0


@pytest.mark.parametrize(
    ("view", "says"),
    [
        (b"", "the picture has no bytes"),
        (b"not a picture", "not a picture in JPEG"),
        (picture()[:-20], "ends early"),
        (picture(width=8), "each side needs at least 16"),
        (picture(form="GIF"), "not a picture in JPEG"),
    ],
)
def test_a_picture_that_cannot_be_used_is_named(client: TestClient, view: bytes, says: str) -> None:
    status, text = said(client.post(INFER, json=images([picture(), picture()], [picture(), view])))
    assert status == 400
    assert text.startswith("item 1, images[1]: ")
    assert says in text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "x"}, "send one input, images or pixels"),
        ({"shape": [1], "data": ["QQ=="]}, r"its shape is [-1, -1], not [1]"),
        ({"datatype": "UINT8", "data": [1], "parameters": {}}, "it is BYTES, not UINT8"),
        (
            {"shape": [1, 9], "data": ["QQ=="] * 9},
            "1 items of 9 views; send at most 8 of 8",
        ),
        ({"shape": [9, 1], "data": ["QQ=="] * 9}, "9 items of 1 views"),
        ({"name": "pixels", "datatype": "UINT8", "shape": [1, 1, 1, 1, 4], "data": [0] * 4,
          "parameters": {}}, "its shape is [-1, -1, -1, -1, 3]"),
    ],
)  # fmt: skip
def test_inputs_are_those_of_the_metadata(
    client: TestClient, change: dict[str, Any], says: str
) -> None:
    request = images([picture()])
    request["inputs"][0].update(change)
    status, text = said(client.post(INFER, json=request))
    assert status == 400
    assert says in text


def test_pixels_are_held_to_the_limits_of_pictures(client: TestClient) -> None:
    pixels = {
        "name": "pixels",
        "shape": [1, 1, 8, 40, 3],
        "datatype": "UINT8",
        "data": [0] * 960,
    }
    status, text = said(client.post(INFER, json={"inputs": [pixels]}))
    assert (status, text.split(":")[0]) == (400, "item 0, images[0]")
    assert "40 x 8 pixels: each side needs at least 16" in text


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ({"name": "colour"}, "there is no output 'colour'; there are grade, "),
        ({"name": "grade", "parameters": {"classification": 1}}, "classification needs FP32"),
        ({"name": "grade", "parameters": {"classification": 0}}, "greater than or equal to 1"),
    ],
)
def test_outputs_are_checked_before_anything_is_graded(
    client: TestClient, grader: FakeGrader, output: dict[str, Any], says: str
) -> None:
    status, text = said(client.post(INFER, json=images([picture()], outputs=[output])))
    assert status == 400
    assert says in text
    assert grader.assessed == 0


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/v2/models/none", 404),
        ("GET", "/v2/models/fake/versions/2/ready", 404),
        ("POST", "/v2/models/none/infer", 404),
        ("POST", "/v2/models/fake/versions/2/infer", 404),
        ("GET", "/v2/trace/setting", 404),
        ("GET", INFER, 405),
        ("POST", "/v2/repository/models/fake/load", 501),
        ("POST", "/v2/repository/models/fake/unload", 501),
    ],
)
def test_errors_have_the_protocol_s_shape_everywhere(
    client: TestClient, method: str, address: str, status: int
) -> None:
    assert said(client.request(method, address))[0] == status


def test_refusals_before_the_routes_have_it_too(client: TestClient) -> None:
    assert said(client.get("/v2", headers={"Host": "evil.example"}))[0] == 421
    assert said(client.post(INFER, headers={"Origin": "http://evil.example"}))[0] == 403
    assert said(client.post(INFER, headers={"X-Deadline-Ms": "soon"}))[0] == 400


def test_a_body_over_the_limit_is_refused_packed_or_not(
    make_client: Callable[..., TestClient],
) -> None:
    client = make_client(upload=replace(UploadLimits(), max_body_bytes=10_000))
    for content, headers in (
        (bytes(10_001), {}),
        (gzip.compress(bytes(10_001)), {"Content-Encoding": "gzip"}),
    ):
        status, text = said(client.post(INFER, content=content, headers=headers))
        assert status == 413
        assert "over 10,000 bytes" in text
    assert said(client.post(INFER, content=b"x", headers={"Content-Encoding": "br"}))[0] == 415


def test_json_that_is_large_belongs_in_binary(client: TestClient) -> None:
    status, text = said(client.post(INFER, content=b" " * 4_000_001))
    assert status == 413
    assert "send large tensors in binary" in text


def test_every_item_takes_a_place(
    make_client: Callable[..., TestClient], grader: FakeGrader
) -> None:
    client = make_client(capacity=Capacity(grade_threads=2, max_in_flight=1))
    reply = client.post(INFER, json=images(*[[picture()]] * 2))
    assert said(reply)[0] == 503
    assert int(reply.headers["Retry-After"]) >= 1
    assert grader.assessed <= 1  # what a thread had begun
    outputs(client.post(INFER, json=images([picture()])))


def test_the_items_of_a_request_are_not_in_each_others_way(
    make_client: Callable[..., TestClient], grader: FakeGrader
) -> None:
    def slowly(views: int) -> Assessment:
        time.sleep(0.02)
        return assessment(views=views)

    grader.answer = slowly
    client = make_client(capacity=Capacity(grade_threads=2, max_wait_s=0.01))
    for _ in range(3):  # from the second on the pace is known
        assert outputs(client.post(INFER, json=images(*[[picture()]] * 8)))


def test_what_is_decompressed_counts_as_held(make_client: Callable[..., TestClient]) -> None:
    client = make_client(upload=replace(UploadLimits(), max_buffered_bytes=100_000))
    content = gzip.compress(bytes(200_000))
    status, text = said(client.post(INFER, content=content, headers={"Content-Encoding": "gzip"}))
    assert status == 503
    assert "too many bytes" in text
    outputs(client.post(INFER, json=images([picture()])))


def test_places_are_shared_with_v1(
    make_client: Callable[..., TestClient], grader: FakeGrader, jpeg: bytes
) -> None:
    client = make_client(capacity=Capacity(max_in_flight=1))
    grader.hold()
    parts = {"item": (None, '{"item_id": "R-1"}'), "capture_id": (None, "c"), "images": jpeg}
    waiting = threading.Thread(target=client.post, args=("/v1/grade",), kwargs={"files": parts})
    waiting.start()
    grader.entered.acquire()
    assert said(client.post(INFER, json=images([jpeg])))[0] == 503
    grader.release()
    waiting.join()
    assert "regrade_grade_sheds_total" in client.get("/metrics").text


@pytest.mark.parametrize(
    ("headers", "parameters"),
    [({"X-Deadline-Ms": "60"}, {}), ({}, {"timeout": 60_000})],
    ids=["header", "parameter in microseconds"],
)
def test_a_deadline_that_passes_is_503(
    client: TestClient, grader: FakeGrader, headers: dict[str, str], parameters: dict[str, int]
) -> None:
    grader.hold()
    reply = client.post(INFER, json=images([picture()], parameters=parameters), headers=headers)
    assert said(reply)[0] == 503
    assert "Retry-After" in reply.headers
    grader.release()


def test_statistics_count_what_was_asked(client: TestClient) -> None:
    client.post(INFER, json=images([picture()], [picture()]))
    client.post(INFER, json=images([b"no picture"]))
    (stats,) = client.get("/v2/models/fake/versions/1/stats").json()["model_stats"]
    assert (stats["inference_count"], stats["execution_count"]) == (2, 2)
    counts = {name: each["count"] for name, each in stats["inference_stats"].items()}
    assert counts == {
        "success": 1,
        "fail": 1,
        "queue": 2,
        "compute_input": 2,
        "compute_infer": 2,
        "compute_output": 1,
    }
    assert stats["last_inference"] > 0
    assert client.get("/v2/models/stats").json()["model_stats"] == [stats]


def test_a_store_that_is_lost_makes_it_not_ready(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(_parts: object) -> tuple[str, ...]:
        return ("the database failed",)

    monkeypatch.setattr(ReadinessWatch, "problems", lost)
    for address in ("/v2/health/ready", "/v2/models/fake/ready"):
        assert said(client.get(address)) == (503, "the database failed")
    assert client.get("/v2/health/live").status_code == 200
