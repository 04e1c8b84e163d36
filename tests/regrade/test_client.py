"""The client for line software: what it sends, when it tries again, and what it raises."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import tenacity

import regrade.client
from model.contract import CommandStatus, ItemFacts, LineState, Outcome, Override
from regrade.client import (
    AccessError,
    AnswerError,
    AsyncClient,
    BusyError,
    Client,
    ClientError,
    CommandResult,
    LateError,
    OpenCommands,
    RefusedError,
    UnreachableError,
)
from regrade.client.retries import Budget
from tests.inference.inference_factories import NOON, FakeGrader, line_state, outcome, picture
from tests.inference.inference_factories import verdict as make_verdict
from tests.inference.live_server import live_server

FACTS = ItemFacts(item_id="R-1", sku="BOX-7")
VERDICT = make_verdict("R-1", "c-1")
Replies = httpx.Response | Exception


class Wire:
    """Answers in turn, the last one for ever, and keeps what was asked."""

    def __init__(self, *replies: Replies) -> None:
        self.replies = list(replies)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)


def blocking(wire: Wire, method: str, *arguments: Any, **more: Any) -> Any:
    with Client("http://server", transport=httpx.MockTransport(wire)) as client:
        return getattr(client, method)(*arguments, **more)


def awaited(wire: Wire, method: str, *arguments: Any, **more: Any) -> Any:
    async def run() -> Any:
        async with AsyncClient("http://server", transport=httpx.MockTransport(wire)) as client:
            return await getattr(client, method)(*arguments, **more)

    return asyncio.run(run())


@pytest.fixture(params=[blocking, awaited])
def call(request: pytest.FixtureRequest) -> Callable[..., Any]:
    found: Callable[..., Any] = request.param
    return found


def answer(status: int = 200, text: str = "", **headers: str) -> httpx.Response:
    return httpx.Response(
        status, text=text, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def error(status: int, code: str, *, field: str | None = None, **headers: str) -> httpx.Response:
    document = {"error": {"code": code, "message": "why", "field": field}}
    return httpx.Response(
        status, json=document, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


GRADED = answer(text=VERDICT.model_dump_json())


def grade(call: Callable[..., Any], wire: Wire, *, deadline_s: float = 5.0) -> Any:
    return call(wire, "grade", [b"one", b"two"], FACTS, "c-1", deadline_s=deadline_s)


def deadline_ms(request: httpx.Request) -> int:
    return int(request.headers["X-Deadline-Ms"])


def test_an_item_is_sent_with_its_facts_and_pictures(
    call: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "top.jpg"
    path.write_bytes(b"from a file")
    wire = Wire(GRADED)
    verdict = call(wire, "grade", [path, str(path), b"bytes"], FACTS, "c-1", deadline_s=2)
    assert verdict == VERDICT
    (request,) = wire.requests
    assert (request.method, request.url.path) == ("POST", "/v1/grade")
    parts = re.findall(rb'name="(\w+)".*?\r\n\r\n(.*?)\r\n--', request.content, re.DOTALL)
    assert parts == [
        (b"item", FACTS.model_dump_json().encode()),
        (b"capture_id", b"c-1"),
        (b"images", b"from a file"),
        (b"images", b"from a file"),
        (b"images", b"bytes"),
    ]
    assert 0 < deadline_ms(request) <= 2000


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectError("refused"),
        httpx.RemoteProtocolError("hung up"),
        error(500, "internal_error"),
        error(503, "overloaded", Retry_After="0"),
        error(429, "too_many_requests"),
        error(408, "upload_too_slow"),
        answer(502, "<html>a proxy's words</html>"),
    ],
    ids=str,
)
def test_what_fails_for_now_is_asked_again_as_the_same_capture(
    call: Callable[..., Any], trouble: Replies
) -> None:
    wire = Wire(trouble, trouble, GRADED)
    assert grade(call, wire) == VERDICT
    assert len(wire.requests) == 3
    assert all(b"c-1" in request.content for request in wire.requests)
    left = [deadline_ms(request) for request in wire.requests]
    assert left == sorted(left, reverse=True)


def test_a_pause_that_ends_after_the_deadline_is_not_begun(call: Callable[..., Any]) -> None:
    wire = Wire(error(503, "overloaded", Retry_After="30"))
    with pytest.raises(BusyError, match="overloaded: why") as busy:
        grade(call, wire)
    assert busy.value.retry_after_s == 30
    assert len(wire.requests) == 1


@pytest.mark.parametrize("asked_s", [0.0, 3.0])
def test_the_pause_is_at_least_what_the_server_asks(asked_s: float) -> None:
    state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
    busy = BusyError("later", retry_after_s=asked_s)
    state.set_exception((BusyError, busy, None))
    pauses_s = [Budget.of(9).policy()["wait"](state) for _ in range(20)]
    assert all(asked_s <= each <= asked_s + 2 for each in pauses_s)
    assert len(set(pauses_s)) > 1, "lines that were refused together must not come back together"


def test_the_last_trouble_is_raised_at_the_deadline(call: Callable[..., Any]) -> None:
    wire = Wire(httpx.ConnectError("refused"))
    with pytest.raises(UnreachableError, match="refused"):
        grade(call, wire, deadline_s=0.8)
    assert len(wire.requests) > 1


@pytest.mark.parametrize(
    ("reply", "raised"),
    [
        (error(422, "image_truncated", field="images[1]"), RefusedError),
        (error(409, "capture_conflict"), RefusedError),
        (error(401, "no_key"), AccessError),
        (error(403, "not_yours"), AccessError),
        (answer(200, "{}"), AnswerError),
        (answer(404, "another server"), RefusedError),
    ],
)
def test_what_stays_so_is_raised_at_once(
    call: Callable[..., Any], reply: httpx.Response, raised: type[ClientError]
) -> None:
    wire = Wire(reply)
    with pytest.raises(raised):
        grade(call, wire)
    assert len(wire.requests) == 1


def test_a_refusal_says_what_is_at_fault(call: Callable[..., Any]) -> None:
    with pytest.raises(RefusedError, match="POST /v1/grade answers 422") as refused:
        grade(call, Wire(error(422, "image_truncated", field="images[1]")))
    assert (refused.value.status, refused.value.code, refused.value.field) == (
        422,
        "image_truncated",
        "images[1]",
    )


def test_without_time_nothing_is_sent(call: Callable[..., Any]) -> None:
    wire = Wire(GRADED)
    with pytest.raises(LateError):
        grade(call, wire, deadline_s=0)
    assert not wire.requests


def test_no_answer_in_time_is_late(call: Callable[..., Any]) -> None:
    with pytest.raises(LateError, match="not answered in time"):
        grade(call, Wire(httpx.ReadTimeout("read")), deadline_s=60)


async def test_an_answer_that_trickles_in_is_cut_off() -> None:
    async def stuck(_request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with AsyncClient("http://server", transport=httpx.MockTransport(stuck)) as client:
        with pytest.raises(LateError):
            await client.grade([b"x"], FACTS, "c-1", deadline_s=0.05)


async def test_at_the_deadline_the_last_trouble_is_said_and_not_the_waiting() -> None:
    async def refuses_then_hangs(_request: httpx.Request) -> httpx.Response:
        if not asked:
            asked.append(1)
            raise httpx.ConnectError("refused")
        await asyncio.Event().wait()
        raise AssertionError

    asked: list[int] = []
    transport = httpx.MockTransport(refuses_then_hangs)
    async with AsyncClient("http://server", transport=transport) as client:
        with pytest.raises(UnreachableError, match="refused"):
            await client.grade([b"x"], FACTS, "c-1", deadline_s=0.5)


def test_a_file_that_is_missing_is_an_error_of_the_caller(
    call: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        call(Wire(GRADED), "grade", [tmp_path / "none.jpg"], FACTS, "c-1", deadline_s=1)


def test_reports_are_sent_once_and_answers_are_typed(call: Callable[..., Any]) -> None:
    said = Override(seq=3, override_id="o", item_id="R-1", grade=None, operator="Anna",
                    created_at=NOON)  # fmt: skip
    reports = [outcome("R-1"), outcome("R-2", tid=2)]
    state = line_state()
    wire = Wire(answer(text=f"[{said.model_dump_json()}]"))
    assert call(wire, "report_outcomes", reports) is None
    assert call(wire, "put_line_state", state) is None
    assert call(wire, "overrides", 2, wait_s=0) == [said]
    posted, put, asked = wire.requests
    assert [Outcome.model_validate(each) for each in _json(posted)] == reports
    assert LineState.model_validate(_json(put)) == state
    assert put.url.path == "/v1/lines/line1/state"
    assert dict(asked.url.params) == {"after": "2", "wait_s": "0"}


def test_commands_are_fetched_and_their_ends_and_alarms_reported(call: Callable[..., Any]) -> None:
    told = OpenCommands(waited_s=1.5, commands=())
    done = CommandResult(command_id="c-1", status=CommandStatus.DONE, reason="so", at=NOON)
    wire = Wire(answer(text=told.model_dump_json()))
    assert call(wire, "open_commands", "line1", 2, wait_s=0) == told
    call(wire, "report_results", "line1", [done])
    call(wire, "report_alarms", "line1", [])
    assert [request.url.path for request in wire.requests] == [
        "/v1/lines/line1/commands/open",
        "/v1/lines/line1/commands/results",
        "/v1/lines/line1/alarms",
    ]
    assert [CommandResult.model_validate(each) for each in _json(wire.requests[1])] == [done]


def _json(request: httpx.Request) -> Any:
    return httpx.Response(200, content=request.content).json()


@pytest.mark.parametrize("method", ["report_outcomes", "put_line_state", "overrides"])
def test_only_gradings_are_asked_again(call: Callable[..., Any], method: str) -> None:
    argument = {"report_outcomes": [], "put_line_state": line_state(), "overrides": 0}[method]
    wire = Wire(error(503, "store_unavailable", Retry_After="1"))
    with pytest.raises(BusyError):
        call(wire, method, argument)
    assert len(wire.requests) == 1


def test_every_name_of_the_package_is_there() -> None:
    assert all(hasattr(regrade.client, name) for name in regrade.client.__all__)


@pytest.mark.slow
def test_a_server_gives_one_verdict_for_one_capture(tmp_path: Path) -> None:
    grader = FakeGrader()
    with live_server(grader, tmp_path) as address, Client(f"http://{address}") as client:
        images = [picture(), picture(colour="red")]
        first = client.grade(images, FACTS, "c-1", deadline_s=30)
        assert client.grade(images, FACTS, "c-1", deadline_s=30) == first
        assert grader.assessed == 1
        with pytest.raises(RefusedError) as refused:
            client.grade([b"no picture"], FACTS, "c-2", deadline_s=30)
        assert (refused.value.code, refused.value.field) == ("image_not_recognised", "images[0]")
        client.report_outcomes([outcome("R-1")])
        client.put_line_state(line_state())
        assert client.overrides(0, wait_s=0) == []


def test_the_key_goes_with_every_call_and_into_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str | None, str | None]] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        seen.append((request.headers.get("X-API-Key"), request.headers.get("X-Site")))
        return httpx.Response(401, json={"error": {"code": "unauthenticated", "message": "no"}})

    def ask(api_key: str | None) -> None:
        options: dict[str, Any] = {"headers": {"X-Site": "dock 3"}}
        transport = httpx.MockTransport(refuse)
        with Client("http://server", api_key=api_key, transport=transport, **options) as client:
            with pytest.raises(AccessError) as caught:
                client.overrides(0, wait_s=0)
            assert "secret" not in f"{caught.value!r} {client!r}"

    monkeypatch.delenv("REGRADE_API_KEY", raising=False)
    ask(None)
    monkeypatch.setenv("REGRADE_API_KEY", "rgk_a_secret-of-environment\n")
    ask(None)
    ask("rgk_a_secret")
    assert seen == [
        (None, "dock 3"),
        ("rgk_a_secret-of-environment", "dock 3"),
        ("rgk_a_secret", "dock 3"),
    ]
