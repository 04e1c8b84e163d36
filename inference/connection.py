"""One HTTP connection under uvicorn and httptools, with an end to every wait for its client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from inference.settings import ConnectionLimits


class Connection(HttpToolsProtocol):
    """uvicorn cuts a connection that is idle between requests; this one cuts the rest.

    Those are a header that does not end or is too long, a body that nobody reads any more, and a
    client that does not take its reply. Bodies that are being read are timed by their readers.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: ConnectionLimits,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._header_bytes = 0
        self._body_open = False
        """The header was read, the body has not ended."""
        self._waiting: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is here: its header is awaited."""
        super().connection_made(transport)
        self._wait_for_header()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._stop_waiting()
        self._stop_timing_writes()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; the bytes of a header that has not ended are counted."""
        if self._is_between_requests and self._waiting is None:
            self._wait_for_header()
        super().data_received(data)
        if self.transport.is_closing() or not self._is_between_requests:
            return
        self._header_bytes += len(data)
        if self._header_bytes > self._limits.max_header_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    @property
    def _is_between_requests(self) -> bool:
        answered = self.cycle is None or self.cycle.response_complete
        return answered and not self._body_open

    def on_headers_complete(self) -> None:
        """The request begins."""
        self._stop_waiting()
        self._header_bytes = 0
        self._body_open = True
        super().on_headers_complete()
        if self.expect_100_continue:
            # Refused before it is sent, the body never comes: the connection could not go on.
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Its body has ended."""
        self._body_open = False
        self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """It is answered; what is left of its body is dropped as it comes, for some time.

        A request whose header came before this reply (HTTP pipelining) is under way now, and times its
        own body.
        """
        super().on_response_complete()
        if self._body_open and self.cycle.response_complete and not self.transport.is_closing():
            self._wait(self._limits.drain_s, self.transport.abort)

    def pause_writing(self) -> None:
        """The client takes its reply more slowly than it is written."""
        super().pause_writing()
        self._stop_timing_writes()
        self._writing = self.loop.call_later(self._limits.stuck_reader_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It has caught up."""
        self._stop_timing_writes()
        super().resume_writing()

    def _wait_for_header(self) -> None:
        self._header_bytes = 0
        self._wait(self._limits.header_s, lambda: self._refuse(HTTPStatus.REQUEST_TIMEOUT))

    def _wait(self, seconds: float, or_else: Callable[[], object]) -> None:
        self._stop_waiting()
        self._waiting = self.loop.call_later(seconds, or_else)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _stop_timing_writes(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer in plain text, as uvicorn answers what is not HTTP, and end the connection."""
        text = f"{status.phrase}\n".encode()
        self.transport.write(
            b"HTTP/1.1 %d %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
            b"connection: close\r\n\r\n%s" % (status, status.phrase.encode(), len(text), text)
        )
        self.transport.close()
