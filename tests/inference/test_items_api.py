"""Items, answers, outcomes and lines over HTTP."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from inference.lines import MAX_LINES
from inference.settings import MAX_JSON_BYTES
from tests.inference.inference_factories import (
    UNSURE,
    FakeGrader,
    belt_item,
    line_state,
    outcome,
    picture,
)


def grade(client: TestClient, item_id: str = "R-1") -> None:
    files: list[tuple[str, Any]] = [
        ("item", (None, json.dumps({"item_id": item_id}))),
        ("capture_id", (None, f"cap-{item_id}")),
        ("images", ("a.jpg", picture())),
    ]
    assert client.post("/v1/grade", files=files).status_code == 200


def answer(client: TestClient, item_id: str = "R-1", **fields: object) -> Response:
    body = {"override_id": "o-1", "grade": "salvage", "operator": "Anna", **fields}
    return client.post(f"/v1/items/{item_id}/overrides", json=body)


def error_of(reply: Response) -> tuple[int, str, str | None]:
    error = reply.json()["error"]
    return reply.status_code, error["code"], error["field"]


def test_an_answer_changes_the_item_and_reaches_followers(client: TestClient) -> None:
    grade(client)
    reply = answer(client, note="lid is loose")
    assert reply.status_code == 201
    given = reply.json()
    assert (given["item_id"], given["grade"], given["note"]) == ("R-1", "salvage", "lid is loose")
    assert client.get("/v1/items/R-1").json()["current"]["grade"] == "salvage"
    assert client.get("/v1/overrides").json() == [given]
    assert client.get("/v1/overrides", params={"after": given["seq"]}).json() == []
    assert answer(client, note="lid is loose").json() == given


def test_a_follower_that_waits_is_woken_by_the_answer(client: TestClient) -> None:
    grade(client)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.get, "/v1/overrides", params={"after": 0, "wait_s": 25})
        given = answer(client).json()
        assert waiting.result(timeout=20).json() == [given]


def test_the_second_of_two_blind_answers_learns_of_the_first(client: TestClient) -> None:
    grade(client)
    answer(client, seen_seq=0)
    reply = answer(client, override_id="o-2", grade="new", seen_seq=0)
    assert error_of(reply) == (409, "answered_already", "seen_seq")
    assert "Anna said salvage" in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("item_id", "fields", "expected"),
    [
        ("R-9", {}, (404, "unknown_item", "item_id")),
        ("R-1", {"grade": "mint"}, (422, "invalid_field", "grade")),
        ("R-1", {"operator": ""}, (422, "invalid_field", "operator")),
        ("R-1", {"operator": "a\x00b"}, (422, "invalid_field", "operator")),
        ("R-1", {"note": "x" * 501}, (422, "invalid_field", "note")),
        ("R-1", {"override_id": "no spaces"}, (422, "invalid_field", "override_id")),
        ("R-1", {"colour": 1}, (422, "unexpected_field", "colour")),
        ("R-1", {"seen_seq": 2**70}, (422, "invalid_field", "seen_seq")),
        ("..%2Fetc", {}, (404, "not_found", None)),
        ("a b", {}, (422, "invalid_field", "item_id")),
    ],
)
def test_bad_answers_are_refused(
    client: TestClient, item_id: str, fields: dict[str, object], expected: tuple[int, str, str]
) -> None:
    grade(client)
    assert error_of(answer(client, item_id, **fields)) == expected


def test_one_override_id_is_one_answer(client: TestClient) -> None:
    grade(client)
    answer(client)
    assert error_of(answer(client, grade="new")) == (409, "override_conflict", "override_id")


@pytest.mark.parametrize(
    ("content", "headers", "expected"),
    [
        (b"{", {"Content-Type": "application/json"}, (400, "malformed_json")),
        (b"\xff\xfe", {"Content-Type": "application/json"}, (400, "malformed_json")),
        (b"", {"Content-Type": "application/json"}, (422, "missing_field")),
        (b"[]", {"Content-Type": "application/json"}, (422, "invalid_field")),
        (b"{}", {"Content-Type": "text/plain"}, (415, "wrong_content_type")),
        (b"{}", {}, (415, "wrong_content_type")),
        (
            b"[" + b" " * MAX_JSON_BYTES + b"]",
            {"Content-Type": "application/json"},
            (413, "body_too_large"),
        ),
    ],
)
def test_a_body_that_is_no_outcomes_is_refused(
    client: TestClient, content: bytes, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    reply = client.post("/v1/outcomes", content=content, headers=headers)
    assert error_of(reply)[:2] == expected


def test_outcomes_are_taken_once(client: TestClient) -> None:
    body = [outcome("R-1", tid).model_dump(mode="json") for tid in range(3)]
    assert client.post("/v1/outcomes", json=body).json() == {"accepted": 3, "repeated": 0}
    assert client.post("/v1/outcomes", json=body).json() == {"accepted": 0, "repeated": 3}
    assert client.get("/v1/outcomes", params={"limit": 2}).json() == body[:0:-1]
    assert client.get("/v1/summary", params={"line_id": "line1"}).json()["by_lane"] == {
        "open-box": 3
    }


def test_an_outcome_may_name_no_item_and_no_lane(client: TestClient) -> None:
    body = [outcome(None, 1, lane=None, grade=None).model_dump(mode="json")]
    assert client.post("/v1/outcomes", json=body).json()["accepted"] == 1


@pytest.mark.parametrize("bad", [{"lane": "a\x00b"}, {"tid": -1}, {"ended_at": "yesterday"}])
def test_one_bad_outcome_refuses_the_batch(client: TestClient, bad: dict[str, object]) -> None:
    body = [outcome("R-1", 1).model_dump(mode="json"), outcome("R-2", 2).model_dump(mode="json")]
    body[1] |= bad
    reply = client.post("/v1/outcomes", json=body)
    assert error_of(reply) == (422, "invalid_field", f"1.{next(iter(bad))}")
    assert client.get("/v1/summary").json()["outcomes"] == 0


def test_lists_go_on_where_the_last_page_ended(client: TestClient, grader: FakeGrader) -> None:
    for number in range(3):
        grader.answer = lambda views, unsure=number != 1: (  # type: ignore[misc]
            UNSURE if unsure else FakeGrader().answer(views)
        )
        grade(client, f"R-{number}")
    first = client.get("/v1/items", params={"limit": 2}).json()
    rest = client.get("/v1/items", params={"limit": 2, "before": first["next_before"]}).json()
    assert [each["item_id"] for each in first["items"]] == ["R-2", "R-1"]
    assert [each["item_id"] for each in rest["items"]] == ["R-0"]
    assert rest["next_before"] is None
    review = client.get("/v1/items", params={"status": "review"}).json()
    assert [each["item_id"] for each in review["items"]] == ["R-2", "R-0"]


@pytest.mark.parametrize(
    "address",
    ["/v1/items?limit=0", "/v1/items?status=some", "/v1/overrides?wait_s=26", "/v1/images/xyz"],
)
def test_bad_queries_are_refused(client: TestClient, address: str) -> None:
    assert error_of(client.get(address))[:2] == (422, "invalid_field")


def test_unknown_addresses_and_methods_have_the_one_error_shape(client: TestClient) -> None:
    assert error_of(client.get("/v3/anything")) == (404, "not_found", None)
    wrong = client.delete("/v1/grade")
    assert error_of(wrong) == (405, "method_not_allowed", None)
    assert "POST" in wrong.headers["allow"]
    assert error_of(client.get("/v1/images/" + "0" * 64)) == (404, "unknown_image", "sha256")


def test_a_line_is_known_once_it_reports(client: TestClient) -> None:
    assert client.get("/v1/lines").json() == []
    assert error_of(client.get("/v1/lines/line1/state")) == (404, "unknown_line", "line_id")
    assert error_of(client.get("/v1/lines/line1/events")) == (404, "unknown_line", "line_id")
    state = line_state([belt_item()]).model_dump(mode="json")
    assert client.put("/v1/lines/line1/state", json=state).status_code == 204
    assert client.get("/v1/lines/line1/state").json() == state
    assert [each["line_id"] for each in client.get("/v1/lines").json()] == ["line1"]


def test_a_report_names_its_own_line(client: TestClient) -> None:
    state = line_state(line_id="line2").model_dump(mode="json")
    reply = client.put("/v1/lines/line1/state", json=state)
    assert error_of(reply) == (422, "invalid_field", "line_id")


def test_the_number_of_lines_is_bounded(client: TestClient) -> None:
    for number in range(MAX_LINES):
        state = line_state(line_id=f"line{number}").model_dump(mode="json")
        assert client.put(f"/v1/lines/line{number}/state", json=state).status_code == 204
    state = line_state(line_id="one-more").model_dump(mode="json")
    assert error_of(client.put("/v1/lines/one-more/state", json=state))[:2] == (
        429,
        "too_many_lines",
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Sec-Fetch-Site": "none"}, 201),
        ({"Origin": "http://testserver"}, 201),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_pages_of_other_sites_change_nothing(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    grade(client)
    body = {"override_id": "o-1", "grade": "new", "operator": "Anna"}
    reply = client.post("/v1/items/R-1/overrides", json=body, headers=headers)
    assert reply.status_code == status
    assert len(client.get("/v1/overrides").json()) == (status == 201)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("192.168.7.5:8000", 200),
        ("TestServer:8000", 200),
        ("rebound.example:8000", 421),
        ("localhost.rebound.example", 421),
        ("127.0.0.1.rebound.example", 421),
        ("user@rebound.example", 421),
        ("[broken", 421),
        ("", 421),
    ],
)
def test_a_name_that_another_site_points_at_this_server_reads_nothing(
    client: TestClient, host: str, status: int
) -> None:
    reply = client.get("/v1/items", headers={"Host": host})
    assert reply.status_code == status
    if status != 200:
        assert error_of(reply) == (421, "unknown_host", "Host")


def test_health_and_metrics(client: TestClient, grader: FakeGrader) -> None:
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {
        "ready": True,
        "model": {"name": "fake", "version": "1"},
        "problems": [],
    }
    grader.answer = lambda views: UNSURE
    grade(client)
    client.post("/v1/grade", content=b"")
    client.get("/nowhere")
    text = client.get("/metrics").text
    assert 'regrade_requests_total{outcome="ok",route="/v1/grade"} 1.0' in text
    assert 'regrade_requests_total{outcome="wrong_content_type",route="/v1/grade"} 1.0' in text
    assert 'regrade_requests_total{outcome="not_found",route="unmatched"} 1.0' in text
    assert 'regrade_grade_stage_seconds_count{stage="model"} 1.0' in text
    assert "regrade_items_in_review 1.0" in text
