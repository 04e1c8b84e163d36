"""Clients that are slow, stuck or endless, over real sockets: they are cut, and harm nobody else."""

from __future__ import annotations

import asyncio
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
import uvicorn
from uvicorn.server import ServerState

from inference.connection import Connection
from inference.settings import Capacity, ConnectionLimits, ServerSettings, UploadLimits
from tests.inference.inference_factories import OPEN_ACCESS, FakeGrader, picture
from tests.inference.live import (
    Reply,
    ask,
    connect,
    form,
    header,
    is_closed,
    metric,
    read_reply,
    serving,
)

PATIENT = ConnectionLimits()
HASTY = ConnectionLimits(header_s=0.3, drain_s=0.3)
PART = b'Content-Disposition: form-data; name="images"; filename="a"\r\n\r\n'
Serve = Callable[..., tuple[str, int]]


@pytest.fixture
def serve(tmp_path: Path, grader: FakeGrader) -> Iterator[Serve]:
    with ExitStack() as stack:

        def make(
            *,
            connection: ConnectionLimits = PATIENT,
            upload: UploadLimits | None = None,
            capacity: Capacity | None = None,
        ) -> tuple[str, int]:
            settings = ServerSettings(
                tmp_path,
                upload=upload or UploadLimits(),
                connection=connection,
                access=OPEN_ACCESS,
                capacity=capacity or Capacity(),
            )
            running: AbstractContextManager[tuple[str, int]] = serving(settings, grader)
            return stack.enter_context(running)

        yield make


def test_a_json_body_that_stops_half_way_is_given_up(serve: Serve) -> None:
    address = serve(upload=UploadLimits(timeout_s=0.3))
    head = "POST /v1/outcomes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
    with connect(address) as connection:
        connection.sendall(f"{head}Content-Type: application/json\r\n\r\n[".encode())
        reply = read_reply(connection)
    assert (reply.status, reply.code) == (408, "upload_too_slow")


def test_uploads_that_stop_half_way_take_no_place_from_whole_requests(serve: Serve) -> None:
    """More stuck uploads than there are places, and everybody else is served as before."""
    address = serve(capacity=Capacity(grade_threads=1, max_in_flight=2))
    whole = form(picture())
    with ExitStack() as stack:
        stuck = [stack.enter_context(connect(address)) for _ in range(30)]
        for connection in stuck:
            connection.sendall(whole[:-100])
        for number in range(5):
            reply = ask(address, form(picture(), capture_id=f"cap-{number}"))
            assert reply.status == 200


def test_an_upload_that_stops_is_told_so_and_its_connection_ends(serve: Serve) -> None:
    address = serve(connection=HASTY, upload=UploadLimits(grace_s=0.2, timeout_s=5))
    with connect(address) as stuck:
        stuck.sendall(form(picture())[:-100])
        reply = read_reply(stuck)
        assert (reply.status, reply.code) == (408, "upload_too_slow")
        assert is_closed(stuck)


def test_an_upload_slower_than_the_least_rate_is_cut_although_it_never_stops(
    serve: Serve,
) -> None:
    address = serve(upload=UploadLimits(grace_s=0.2, min_bytes_per_s=1e9, timeout_s=20))
    whole = form(picture(width=600, height=600))
    with connect(address) as slow:
        assert trickled(slow, whole, every_s=0.05).code == "upload_too_slow"


def trickled(connection: socket.socket, data: bytes, *, every_s: float) -> Reply:
    """Send a byte now and then until the server has something to say."""
    connection.settimeout(every_s)
    for byte in data:
        connection.sendall(bytes([byte]))
        try:
            connection.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            continue
        connection.settimeout(30)
        return read_reply(connection)
    raise AssertionError("the server took everything")


def test_a_body_that_is_not_there_by_the_deadline_is_answered_then(serve: Serve) -> None:
    address = serve()
    with connect(address) as late:
        late.sendall(header(5000, {"X-Deadline-Ms": "200"}) + b"--xx\r\n")
        reply = read_reply(late)
    assert (reply.status, reply.code) == (503, "deadline_missed")
    assert reply.headers["retry-after"]


def test_where_bytes_run_out_the_slowest_upload_gives_way(serve: Serve) -> None:
    address = serve(upload=UploadLimits(max_body_bytes=60_000, max_buffered_bytes=100_000))
    with connect(address) as first, connect(address) as second:
        for stuck in (first, second):
            stuck.sendall(header(55_000) + b"--xx\r\n" + PART + bytes(40_000))
        while metric(address, "regrade_uploads_buffered_bytes") < 80_000:
            pass
        # Less is left than the next one needs, which comes at once.
        assert ask(address, form(picture() + bytes(30_000))).status == 200
        readable, _, _ = select.select([first, second], [], [], 30)
        given_up = read_reply(readable[0])
        assert (given_up.status, given_up.code) == (503, "overloaded")


@pytest.mark.parametrize(
    "begun",
    [b"", b"POST /v1/grade HT", b"POST /v1/grade HTTP/1.1\r\nHost: localhost\r\nX-Endless: "],
    ids=["nothing", "half a line", "half a header"],
)
def test_a_header_that_never_ends_is_cut(serve: Serve, begun: bytes) -> None:
    address = serve(connection=HASTY)
    with connect(address) as stuck:
        stuck.sendall(begun)
        assert read_reply(stuck).status == 408
        assert is_closed(stuck)


def test_a_header_that_trickles_is_cut_all_the_same(serve: Serve) -> None:
    address = serve(connection=HASTY)
    with connect(address) as slow:
        endless = b"GET /health/live HTTP/1.1\r\n" + b"X-More: 1\r\n" * 1000
        assert trickled(slow, endless, every_s=0.02).status == 408


def test_the_second_request_of_a_connection_has_to_end_its_header_too(serve: Serve) -> None:
    address = serve(connection=HASTY)
    with connect(address) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_reply(connection).status == 200
        connection.sendall(b"GET /health/live HTTP/1.1\r\n")
        assert read_reply(connection).status == 408
        assert is_closed(connection)


def test_a_header_without_bounds_is_cut(serve: Serve) -> None:
    address = serve()
    with connect(address) as endless:
        endless.sendall(b"GET /health/live HTTP/1.1\r\nX-Endless: ")
        try:
            for _ in range(100):
                endless.sendall(b"x" * 10_000)
        except (BrokenPipeError, ConnectionResetError):
            return
        assert read_reply(endless).status == 431


def test_what_comes_after_an_answer_is_dropped_for_some_time_only(serve: Serve) -> None:
    address = serve(connection=HASTY, upload=UploadLimits(max_body_bytes=1000))
    with connect(address) as connection:
        connection.sendall(header(1_000_000) + b"--xx\r\n")
        assert read_reply(connection).status == 413
        assert is_closed(connection)


def test_whoever_asks_before_sending_and_is_refused_gets_the_end_of_the_connection(
    serve: Serve,
) -> None:
    """The body never comes, so what comes next would be taken for it."""
    address = serve(upload=UploadLimits(max_body_bytes=1000))
    with connect(address) as connection:
        connection.sendall(header(5000, {"Expect": "100-continue"}))
        reply = read_reply(connection)
        assert (reply.status, reply.headers["connection"]) == (413, "close")
        assert is_closed(connection)


def test_one_connection_serves_one_request_after_the_other(serve: Serve) -> None:
    """A refused body that arrives in the end leaves the connection as it was."""
    address = serve(upload=UploadLimits(max_body_bytes=20_000))
    with connect(address) as connection:
        connection.sendall(header(30_000) + bytes(30_000))
        assert read_reply(connection).status == 413
        for number in range(3):
            connection.sendall(form(picture(), capture_id=f"cap-{number}"))
            assert read_reply(connection).status == 200


async def test_a_client_that_takes_no_reply_is_cut() -> None:
    config = uvicorn.Config(lambda *_: None, log_config=None)
    limits = ConnectionLimits(stuck_reader_s=0.01)
    connection = Connection(config, ServerState(), {}, limits=limits)
    transport = RecordingTransport()
    connection.connection_made(transport)
    connection.pause_writing()
    connection.resume_writing()
    connection.pause_writing()
    await asyncio.wait_for(transport.aborted.wait(), 30)
    connection.connection_lost(None)


class RecordingTransport(asyncio.Transport):
    """Knows nothing but its end."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = asyncio.Event()

    def abort(self) -> None:
        self.aborted.set()

    def close(self) -> None:
        pass

    def is_closing(self) -> bool:
        return self.aborted.is_set()


def test_the_body_of_a_request_that_waits_its_turn_is_not_taken_for_a_rest(
    serve: Serve, grader: FakeGrader, jpeg: bytes
) -> None:
    """HTTP pipelining: its header came before the reply to the one before."""
    address = serve(connection=HASTY)
    grader.hold()
    second = form(jpeg, capture_id="cap-2", item_id="R-2")
    with connect(address) as connection:
        connection.sendall(form(jpeg) + second[:-100])
        assert grader.entered.acquire(timeout=30)
        grader.release()
        assert read_reply(connection).status == 200
        time.sleep(3 * HASTY.drain_s)
        connection.sendall(second[-100:])
        assert read_reply(connection).status == 200
