"""What ``POST /v1/grade/batch`` answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from inference.errors import ErrorCode
from inference.settings import Capacity
from tests.inference.inference_factories import FakeGrader, assessment, picture
from tests.inference.test_grade_endpoint import code_of, form, grade

Entry = dict[str, Any]


def entry(number: int, *images: str, **more: Any) -> Entry:
    return {
        "capture_id": f"cap-{number}",
        "item": {"item_id": f"R-{number}"},
        "images": images or (f"{number}.jpg",),
        **more,
    }


def send(
    client: TestClient,
    batch: list[Entry] | str,
    pictures: dict[str, bytes],
    query: str = "",
    **headers: str,
) -> Response:
    text = batch if isinstance(batch, str) else json.dumps(batch)
    files: list[tuple[str, Any]] = [("batch", (None, text))]
    files += [("images", (name, data)) for name, data in pictures.items()]
    return client.post(f"/v1/grade/batch{query}", files=files, headers=headers)


def test_every_item_gets_its_own_verdict_in_order(client: TestClient) -> None:
    colours = {"1.jpg": "red", "2a.jpg": "green", "2b.jpg": "blue"}
    pictures = {name: picture(colour=colour) for name, colour in colours.items()}
    reply = send(client, [entry(2, "2b.jpg", "2a.jpg"), entry(1)], pictures)
    assert reply.status_code == 200
    results = reply.json()["results"]
    assert [result["capture_id"] for result in results] == ["cap-2", "cap-1"]
    verdicts = [result["verdict"] for result in results]
    assert [verdict["item_id"] for verdict in verdicts] == ["R-2", "R-1"]
    shown = [client.get(f"/v1/images/{sha}").content for sha in verdicts[0]["images"]]
    assert shown == [pictures["2b.jpg"], pictures["2a.jpg"]]
    assert client.get("/v1/items/R-1").json()["gradings"] == [verdicts[1]]


def test_one_bad_item_spoils_no_other(client: TestClient) -> None:
    assert grade(client, form(picture(), capture_id="cap-3")).status_code == 200
    pictures = {"1.jpg": picture(), "2.jpg": b"no picture", "3.jpg": picture(colour="blue")}
    results = send(client, [entry(1), entry(2), entry(3)], pictures).json()["results"]
    assert results[0]["verdict"]["item_id"] == "R-1"
    errors = [result["error"] for result in results[1:]]
    assert [(each["code"], each["status"], each["field"]) for each in errors] == [
        ("image_not_recognised", 422, "images[0]"),
        ("capture_conflict", 409, "capture_id"),
    ]
    assert [each["retry_after_s"] for each in errors] == [None, None]
    assert not {"verdict", "error"} <= set(results[1])


def test_a_batch_again_gives_the_same_verdicts_and_adds_nothing(
    client: TestClient, grader: FakeGrader
) -> None:
    batch = [entry(1), entry(2)]
    pictures = {"1.jpg": picture(colour="red"), "2.jpg": picture(colour="blue")}
    first, again = (send(client, batch, pictures).json() for _ in range(2))
    assert first == again
    assert grader.assessed == 2
    one = form(pictures["1.jpg"], item='{"item_id": "R-1"}', capture_id="cap-1")
    assert grade(client, one).json() == first["results"][0]["verdict"]


def test_more_items_than_there_are_places_are_all_graded(
    make_client: Any, grader: FakeGrader
) -> None:
    client = make_client(capacity=Capacity(grade_threads=1, max_in_flight=2))
    batch = [entry(number) for number in range(12)]
    pictures = {f"{number}.jpg": picture(colour=f"#{number:02x}8000") for number in range(12)}
    results = send(client, batch, pictures).json()["results"]
    assert all("verdict" in result for result in results)


def test_a_deadline_ends_the_waiting_for_every_item(client: TestClient, grader: FakeGrader) -> None:
    grader.hold()
    pictures = {f"{number}.jpg": picture() + bytes(number) for number in range(6)}
    batch = [entry(number) for number in range(6)]
    results = send(client, batch, pictures, **{"X-Deadline-Ms": "400"}).json()["results"]
    errors = [result["error"] for result in results]
    assert {(each["code"], each["status"]) for each in errors} == {("deadline_missed", 503)}
    assert all(each["retry_after_s"] >= 1 for each in errors)


def test_a_fault_in_the_model_is_that_items_error(client: TestClient, grader: FakeGrader) -> None:
    def fail_for_two(views: int) -> Any:
        if views == 2:
            raise RuntimeError("secret detail")
        return assessment()

    grader.answer = fail_for_two
    pictures = {name: picture() + name.encode() for name in ("a", "b", "c")}
    reply = send(client, [entry(1, "a"), entry(2, "b", "c")], pictures)
    good, bad = reply.json()["results"]
    assert good["verdict"]
    assert (bad["error"]["code"], bad["error"]["status"]) == ("internal_error", 500)
    assert "secret" not in reply.text


ONE = {"1.jpg": picture()}
BAD: dict[str, tuple[list[Entry] | str, dict[str, bytes], tuple[int, str, str | None]]] = {
    "no list": ("{not json", ONE, (400, "malformed_json", "batch")),
    "an object": ("{}", ONE, (422, "invalid_field", "batch")),
    "empty": ([], ONE, (422, "invalid_field", "batch")),
    "too many": ([entry(1)] * 65, ONE, (422, "invalid_field", "batch")),
    "no capture_id": (
        [{"item": {"item_id": "R-1"}, "images": ["1.jpg"]}],
        ONE,
        (422, "missing_field", "batch.0.capture_id"),
    ),
    "a field too many": (
        [entry(1, colour="red")],
        ONE,
        (422, "unexpected_field", "batch.0.colour"),
    ),
    "a bad item": (
        [entry(1, item={"item_id": "../x"})],
        ONE,
        (422, "invalid_field", "batch.0.item.item_id"),
    ),
    "no pictures": ([{**entry(1), "images": []}], ONE, (422, "invalid_field", "batch.0.images")),
    "capture_id twice": (
        [entry(1), {**entry(1), "images": ["2.jpg"]}],
        {**ONE, "2.jpg": picture()},
        (422, "invalid_field", "batch"),
    ),
    "a picture that is not there": ([entry(1, "2.jpg")], ONE, (422, "invalid_field", "batch")),
    "a picture of nobody": (
        [entry(1)],
        {**ONE, "2.jpg": picture()},
        (422, "invalid_field", "batch"),
    ),
    "a picture of two": ([entry(1), entry(2, "1.jpg")], ONE, (422, "invalid_field", "batch")),
    "nine pictures of one": (
        [entry(1, *(f"{number}.jpg" for number in range(9)))],
        {f"{number}.jpg": picture() for number in range(9)},
        (422, "wrong_image_count", "batch"),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_batch_that_cannot_be_meant_is_refused_as_a_whole(
    client: TestClient, grader: FakeGrader, name: str
) -> None:
    batch, pictures, expected = BAD[name]
    assert code_of(send(client, batch, pictures)) == expected
    assert grader.assessed == 0


def test_a_batch_needs_its_list(client: TestClient) -> None:
    reply = client.post("/v1/grade/batch", files=[("images", ("1.jpg", picture()))])
    assert code_of(reply) == (422, "missing_field", "batch")


def test_two_pictures_of_one_name_are_refused(client: TestClient) -> None:
    files: list[tuple[str, Any]] = [("batch", (None, json.dumps([entry(1)])))]
    files += [("images", ("1.jpg", picture(colour=colour))) for colour in ("red", "blue")]
    reply = client.post("/v1/grade/batch", files=files)
    assert code_of(reply) == (422, ErrorCode.INVALID_FIELD, "images")


def test_the_metrics_tell_the_sizes_of_batches(client: TestClient) -> None:
    pictures = {f"{number}.jpg": picture() + bytes(number) for number in range(3)}
    send(client, [entry(number) for number in range(3)], pictures)
    text = client.get("/metrics").text
    assert 'regrade_batch_items_bucket{le="2.0"} 0.0' in text
    assert 'regrade_batch_items_bucket{le="3.0"} 1.0' in text
    assert "regrade_grade_pictures_count 3.0" in text
    assert "regrade_store_commit_gradings_sum 3.0" in text
