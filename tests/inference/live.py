"""A server on a real socket, in a thread of the test, with a grader that does what the test says."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from inference.models.lineup import Lineup
from inference.serving import Address, bind, make_server
from inference.settings import ServerSettings
from inference.store import Store
from tests.inference.inference_factories import FakeGrader


@contextmanager
def serving(settings: ServerSettings, grader: FakeGrader) -> Iterator[tuple[str, int]]:
    """Its host and port."""
    listener = bind(Address("127.0.0.1", 0))
    store = Store.open(f"sqlite:///{settings.data_dir / 'regrade.sqlite'}")
    server = make_server(settings, Lineup(grader), store)

    def run() -> None:
        with listener, asyncio.Runner() as runner:
            runner.run(server.serve([listener]))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield listener.getsockname()[:2]
    finally:
        grader.release()
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, up to the end of the connection or of the body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """Of the error."""
        code: str = json.loads(self.body)["error"]["code"]
        return code


def form(
    images: bytes, *, capture_id: str = "cap-1", item_id: str = "R-1", priority: str | None = None
) -> bytes:
    """A whole request to grade one picture, as bytes."""
    parts = {"item": json.dumps({"item_id": item_id}), "capture_id": capture_id}
    body = b"".join(
        f'--xx\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        for name, text in parts.items()
    )
    body += (
        b'--xx\r\nContent-Disposition: form-data; name="images"; filename="a.jpg"\r\n\r\n'
        + images
        + b"\r\n--xx--\r\n"
    )
    more = {"X-Priority": priority} if priority else {}
    return header(len(body), more) + body


def header(length: int, more: dict[str, str] | None = None) -> bytes:
    """The header of a request to grade."""
    lines = {
        "Host": "localhost",
        "Content-Type": "multipart/form-data; boundary=xx",
        "Content-Length": str(length),
        **(more or {}),
    }
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST /v1/grade HTTP/1.1\r\n{text}\r\n".encode()


def connect(address: tuple[str, int]) -> socket.socket:
    """A connection whose reads fail rather than hang."""
    connection = socket.create_connection(address)
    connection.settimeout(30)
    return connection


def read_reply(connection: socket.socket) -> Reply:
    """One reply; an empty one, status 0, where the server closed without."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            assert not data
            return Reply(0, {}, b"")
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    while len(body) < int(headers["content-length"]):
        body += connection.recv(65536)
    status = re.match(r"HTTP/1.1 (\d+)", first)
    assert status
    return Reply(int(status[1]), headers, body)


def is_closed(connection: socket.socket) -> bool:
    """Whether the server ends it, within the time that reads have."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def ask(address: tuple[str, int], request: bytes) -> Reply:
    """Send a request on a connection of its own, and read the reply."""
    with connect(address) as connection:
        connection.sendall(request)
        return read_reply(connection)


def metric(address: tuple[str, int], name: str) -> float:
    """A figure of ``/metrics``."""
    text = ask(address, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").body.decode()
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0
