"""The benchmark of the server: its requests are whole and new each time, its figures are plain."""

from __future__ import annotations

import pytest

from benchmarks.camera import Request
from benchmarks.load import Load
from benchmarks.serve import medians
from model.pictures import decode
from tests.inference.inference_factories import picture


def parts(request: bytes) -> dict[str, bytes]:
    """Of the form, by name."""
    _, *found, _ = request.split(b"--x")
    named = (part.strip(b"\r\n").split(b"\r\n\r\n", 1) for part in found)
    return {head.split(b'"')[1].decode(): body for head, body in named}


def test_each_request_is_another_item_with_another_picture() -> None:
    request = Request.of(picture(), deadline_ms=500)
    one, two = (bytes(request.stamped(number)) for number in (1, 2))
    head, _, body = one.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"X-Deadline-Ms: 500" in head
    for name in ("item", "capture_id", "images"):
        assert parts(one)[name] != parts(two)[name]
    assert decode(parts(two)["images"]).shape == (48, 64, 3)


def test_an_answer_after_a_second_is_no_goodput() -> None:
    load = Load(answered=[0.1, 0.2, 1.5, 3.0], refused=[0.01], seconds=2.0, sent=5)
    figures = load.figures()
    assert (figures["per_s"], figures["in_time_per_s"]) == (2.0, 1.0)
    assert figures["p50_ms"] == pytest.approx(850)
    assert (figures["refused"], figures["failed"]) == (1, 0)


def test_a_median_is_of_every_figure_and_none_of_what_a_round_lacks() -> None:
    rounds = [{"a": {"b": value}, "c": other} for value, other in ((1, 5), (9, None), (2, 6))]
    assert medians(rounds) == {"a": {"b": 2}, "c": None}
