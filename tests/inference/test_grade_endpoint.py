"""What ``POST /v1/grade`` answers."""

from __future__ import annotations

import json
import struct
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from inference.errors import ErrorCode
from inference.settings import Capacity, UploadLimits
from model.contract import Verdict
from model.pictures import PictureProblem
from tests.inference.inference_factories import FakeGrader, assessment, picture

ITEM = json.dumps({"item_id": "R-1", "sku": "BOX-7", "list_price": "19.90"})
Form = list[tuple[str, Any]]


def form(
    *images: bytes, item: str | None = ITEM, capture_id: str | None = "cap-1", **more: str
) -> Form:
    """Parts of a multipart body, each a file or a text."""
    texts = {"item": item, "capture_id": capture_id, **more}
    parts: Form = [(name, (None, text)) for name, text in texts.items() if text is not None]
    parts += [("images", (f"{index}.jpg", data, "image/jpeg")) for index, data in enumerate(images)]
    return parts


def grade(client: TestClient, parts: Form, **headers: str) -> Response:
    return client.post("/v1/grade", files=parts, headers=headers)


def code_of(reply: Response) -> tuple[int, str, str | None]:
    error = reply.json()["error"]
    assert set(error) == {"code", "message", "field"}
    assert error["message"]
    return reply.status_code, error["code"], error["field"]


def huge_png() -> bytes:
    """A PNG whose header claims 40,000 x 40,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def animated_gif() -> bytes:
    return picture(form="GIF")


def test_a_picture_is_graded_and_stored(client: TestClient, jpeg: bytes, tmp_path: Path) -> None:
    reply = grade(client, form(jpeg))
    assert reply.status_code == 200
    verdict = Verdict.model_validate_json(reply.content)
    assert (verdict.item_id, verdict.capture_id) == ("R-1", "cap-1")
    assert verdict.timings.total_ms >= verdict.timings.model_ms

    record = client.get("/v1/items/R-1").json()
    assert record["gradings"] == [reply.json()]
    assert record["facts"]["sku"] == "BOX-7"
    assert record["current"] == {
        "status": "graded",
        "grade": "lightly_used",
        "lane": None,
        "ending": None,
    }
    served = client.get(f"/v1/images/{verdict.images[0]}")
    assert served.content == jpeg
    assert served.headers["content-type"] == "image/jpeg"
    assert "immutable" in served.headers["cache-control"]
    small = client.get(f"/v1/images/{verdict.images[0]}/thumbnail")
    assert small.headers["content-type"] == "image/jpeg"


def test_views_keep_their_order(client: TestClient) -> None:
    views = [picture(colour=colour) for colour in ("red", "green", "blue")]
    images = grade(client, form(*views)).json()["images"]
    assert [client.get(f"/v1/images/{sha}").content for sha in images] == views


def test_the_same_capture_again_gives_the_same_verdict_and_adds_nothing(
    client: TestClient, grader: FakeGrader, jpeg: bytes
) -> None:
    first, again = grade(client, form(jpeg)), grade(client, form(jpeg))
    assert again.status_code == 200
    assert again.json() == first.json()
    assert grader.assessed == 1
    assert len(client.get("/v1/items/R-1").json()["gradings"]) == 1


@pytest.mark.parametrize(
    "other",
    [
        form(picture(colour="blue")),
        form(picture(), item='{"item_id": "R-2"}'),
        form(picture(), picture()),
    ],
    ids=["other picture", "other item", "one view more"],
)
def test_a_capture_id_stands_for_one_request(client: TestClient, other: Form) -> None:
    assert grade(client, form(picture())).status_code == 200
    assert code_of(grade(client, other)) == (409, "capture_conflict", "capture_id")


def test_a_repeat_that_overtakes_its_first_request_joins_it(
    client: TestClient, grader: FakeGrader, jpeg: bytes
) -> None:
    grader.hold()
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(grade, client, form(jpeg)) for _ in range(2)]
        assert grader.entered.acquire(timeout=30)
        grader.release()
        replies = [each.result().json() for each in both]
    assert replies[0] == replies[1]
    assert grader.assessed == 1


BAD: dict[str, tuple[Callable[[], Form], tuple[int, str, str | None]]] = {
    "no picture": (form, (422, "wrong_image_count", "images")),
    "nine pictures": (
        lambda: form(*[picture()] * 9),
        (422, "wrong_image_count", "images"),
    ),
    "not an image": (
        lambda: form(picture(), b"%PDF-1.7 hello"),
        (422, "image_not_recognised", "images[1]"),
    ),
    "no bytes": (lambda: form(b""), (422, "image_empty", "images[0]")),
    "truncated JPEG": (
        lambda: form(picture(width=400, height=400)[:-200]),
        (422, "image_truncated", "images[0]"),
    ),
    "40,000 x 40,000 PNG": (lambda: form(huge_png()), (422, "image_too_large", "images[0]")),
    "too small": (
        lambda: form(picture(width=4, height=4)),
        (422, "image_too_small", "images[0]"),
    ),
    "animated GIF": (lambda: form(animated_gif()), (422, "image_not_recognised", "images[0]")),
    "item is not JSON": (
        lambda: form(picture(), item="{not json"),
        (400, "malformed_json", "item"),
    ),
    "item is a list": (lambda: form(picture(), item="[]"), (422, "invalid_field", "item")),
    "item without item_id": (
        lambda: form(picture(), item='{"sku": "x"}'),
        (422, "missing_field", "item.item_id"),
    ),
    "item with a field too many": (
        lambda: form(picture(), item='{"item_id": "R-1", "colour": "red"}'),
        (422, "unexpected_field", "item.colour"),
    ),
    "item with a bad id": (
        lambda: form(picture(), item='{"item_id": "../etc"}'),
        (422, "invalid_field", "item.item_id"),
    ),
    "item with a wrong type": (
        lambda: form(picture(), item='{"item_id": "R-1", "recalled": "perhaps"}'),
        (422, "invalid_field", "item.recalled"),
    ),
    "item too long": (
        lambda: form(picture(), item='{"item_id": "' + "x" * 20_000 + '"}'),
        (422, "invalid_field", "item"),
    ),
    "no item": (lambda: form(picture(), item=None), (422, "missing_field", "item")),
    "no capture_id": (
        lambda: form(picture(), capture_id=None),
        (422, "missing_field", "capture_id"),
    ),
    "bad capture_id": (
        lambda: form(picture(), capture_id="a b"),
        (422, "invalid_field", "capture_id"),
    ),
    "capture_id twice": (
        lambda: [*form(picture()), ("capture_id", (None, "cap-2"))],
        (422, "unexpected_field", "capture_id"),
    ),
    "unknown field": (
        lambda: form(picture(), colour="red"),
        (422, "unexpected_field", "colour"),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_a_clear_answer_and_the_server_stays_well(
    client: TestClient, grader: FakeGrader, name: str
) -> None:
    parts, expected = BAD[name]
    assert code_of(grade(client, parts())) == expected
    assert grader.assessed == 0
    assert grade(client, form(picture(), capture_id="cap-after")).status_code == 200
    assert client.get("/v1/items/R-1").json()["gradings"][0]["capture_id"] == "cap-after"


BOUNDARY = {"Content-Type": "multipart/form-data; boundary=xx"}


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({}, b"", (415, "wrong_content_type", "Content-Type")),
        ({"Content-Type": "image/jpeg"}, b"abc", (415, "wrong_content_type", "Content-Type")),
        ({"Content-Type": "application/json"}, b"{}", (415, "wrong_content_type", "Content-Type")),
        (
            {"Content-Type": "multipart/form-data"},
            b"abc",
            (400, "malformed_multipart", "Content-Type"),
        ),
        (BOUNDARY, b"", (400, "malformed_multipart", None)),
        (BOUNDARY, b"no boundary here", (400, "malformed_multipart", None)),
        (
            BOUNDARY,
            b'--xx\r\nContent-Disposition: form-data; name="item"\r\n\r\n{"item_id',
            (400, "malformed_multipart", None),
        ),
        (
            {"Content-Type": "multipart/form-data; boundary=" + "x" * 5000},
            b"abc",
            (400, "malformed_multipart", None),
        ),
    ],
)
def test_a_body_that_is_no_form_is_refused(
    client: TestClient,
    headers: dict[str, str],
    body: bytes,
    expected: tuple[int, str, str | None],
) -> None:
    assert code_of(client.post("/v1/grade", content=body, headers=headers)) == expected
    assert grade(client, form(picture())).status_code == 200


@pytest.mark.parametrize("chunked", [False, True], ids=["with Content-Length", "chunked"])
def test_a_body_over_the_limit_is_refused(
    make_client: Callable[..., TestClient], grader: FakeGrader, *, chunked: bool
) -> None:
    client = make_client(upload=UploadLimits(max_body_bytes=100_000))
    head = b'--xx\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\n'
    body = head + bytes(120_000) + b"\r\n--xx--\r\n"
    content = iter([body[:50_000], body[50_000:]]) if chunked else body
    reply = client.post("/v1/grade", content=content, headers=BOUNDARY)
    assert code_of(reply) == (413, "body_too_large", None)
    assert grade(client, form(picture())).status_code == 200


def test_a_client_that_asks_first_is_refused_before_it_sends(
    make_client: Callable[..., TestClient],
) -> None:
    client = make_client(upload=UploadLimits(max_body_bytes=100_000))
    headers = {**BOUNDARY, "Expect": "100-continue"}
    reply = client.post("/v1/grade", content=bytes(120_000), headers=headers)
    assert code_of(reply)[:2] == (413, "body_too_large")


@pytest.mark.parametrize("value", ["0", "-5", "soon", "1e3", "600001"])
def test_a_deadline_must_be_a_sensible_number(client: TestClient, jpeg: bytes, value: str) -> None:
    reply = grade(client, form(jpeg), **{"X-Deadline-Ms": value})
    assert code_of(reply) == (422, "invalid_field", "x-deadline-ms")


def test_an_answer_that_is_late_is_503_and_the_repeat_finds_the_stored_verdict(
    client: TestClient, grader: FakeGrader, jpeg: bytes
) -> None:
    grader.hold()
    reply = grade(client, form(jpeg), **{"X-Deadline-Ms": "400"})
    assert code_of(reply)[:2] == (503, "deadline_missed")
    assert int(reply.headers["Retry-After"]) >= 1
    assert grader.entered.acquire(timeout=30), "the model had begun"
    grader.release()
    assert grade(client, form(jpeg)).status_code == 200
    assert grader.assessed == 1


def test_a_request_whose_deadline_passes_in_the_queue_is_dropped(
    make_client: Callable[..., TestClient], grader: FakeGrader
) -> None:
    client = make_client(capacity=Capacity(grade_threads=1))
    grader.hold()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(grade, client, form(picture()))
        assert grader.entered.acquire(timeout=30)
        late = form(picture(), item='{"item_id": "R-2"}', capture_id="cap-2")
        reply = grade(client, late, **{"X-Deadline-Ms": "50"})
        assert code_of(reply)[:2] == (503, "deadline_missed")
        grader.release()
        assert first.result().status_code == 200
    assert code_of(client.get("/v1/items/R-2"))[:2] == (404, "unknown_item")
    assert grader.assessed == 1


def test_a_full_queue_sheds_with_retry_after(
    make_client: Callable[..., TestClient], grader: FakeGrader
) -> None:
    client = make_client(capacity=Capacity(grade_threads=1, max_in_flight=1))
    grader.hold()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(grade, client, form(picture()))
        assert grader.entered.acquire(timeout=30)
        reply = grade(client, form(picture(), capture_id="cap-2"))
        assert code_of(reply)[:2] == (503, "overloaded")
        assert int(reply.headers["Retry-After"]) >= 1
        grader.release()
        assert first.result().status_code == 200
    assert grade(client, form(picture(), capture_id="cap-2")).status_code == 200
    shed = 'regrade_grade_sheds_total{priority="normal",reason="queue_full"} 1.0'
    assert shed in client.get("/metrics").text


def test_a_fault_in_the_model_is_500_in_the_one_shape(
    client: TestClient, grader: FakeGrader, jpeg: bytes
) -> None:
    def fail(views: int) -> Any:
        raise RuntimeError("secret detail")

    grader.answer = fail
    reply = grade(client, form(jpeg))
    assert code_of(reply)[:2] == (500, "internal_error")
    assert "secret" not in reply.text
    grader.answer = lambda views: assessment()
    assert grade(client, form(jpeg)).status_code == 200


def test_gradings_that_cannot_be_stored_are_not_given(
    client: TestClient, jpeg: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.readiness._EVERY_S", 0.0)
    (tmp_path / "pictures").write_text("a file where the directory should be")
    assert code_of(grade(client, form(jpeg)))[:2] == (503, "store_unavailable")
    ready = client.get("/health/ready")
    assert ready.status_code == 503
    assert "pictures" in ready.json()["problems"][0]
    (tmp_path / "pictures").unlink()
    assert grade(client, form(jpeg)).status_code == 200
    assert client.get("/health/ready").json()["ready"]


def test_every_picture_problem_has_its_error_code() -> None:
    assert {problem.value for problem in PictureProblem} <= {code.value for code in ErrorCode}


def test_requests_of_many_threads_are_each_answered(client: TestClient) -> None:
    """No request waits for another's bad picture, and none is lost."""
    start = threading.Barrier(8)

    def one(number: int) -> int:
        start.wait()
        data = b"nonsense" if number % 2 else picture(colour=f"#{number:02x}0000")
        return grade(client, form(data, capture_id=f"cap-{number}")).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(one, range(8)))
    assert statuses == [200, 422] * 4
