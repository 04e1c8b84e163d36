"""Runs the application under uvicorn until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import gc
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address

import structlog
import uvicorn

from inference.access.settings import AccessMode
from inference.app import create_app
from inference.connection import Connection
from inference.models.lineup import Lineup
from inference.models.loading import Loader
from inference.services import Services
from inference.settings import ServerSettings
from inference.store import Store
from inference.tracing import Tracing

log = structlog.get_logger(__name__)
_GRACE_S = 20
_SWITCH_S = 0.0001


class AddressError(Exception):
    """The address cannot be listened on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens; port 0 takes a free one."""

    host: str
    port: int


class Server(uvicorn.Server):
    """Ends long polls and event streams first, so that stopping waits only for real work.

    To be told to stop is no fault: the process ends with 0, where uvicorn raises the signal again.
    """

    services: Services | None = None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM, where this is the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {each: signal.signal(each, self.handle_exit) for each in signals}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say where it is once it can be reached there."""
        await super().startup(sockets)
        if self.services is None:
            return
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        grader, settings = self.services.grader, self.services.settings
        scheme = "http" if settings.tls is None else "https"
        log.info(
            "serving",
            url=f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}",
            model=f"{grader.model.name} {grader.model.version}",
            data=str(settings.data_dir),
            access=settings.access.mode.value,
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, finish what is under way."""
        if self.services is not None:
            self.services.stop_waiting()
        await super().shutdown(sockets)


def bind(address: Address) -> socket.socket:
    """Take the address before anything heavy is loaded.

    Raises:
        AddressError: It is in use, or not of this machine.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
        listener.listen()  # from here on nobody else can have it; callers wait until we serve
    except OSError as error:
        listener.close()
        where = f"{address.host}:{address.port}"
        if error.errno == errno.EADDRINUSE:
            raise AddressError(
                f"{where} is in use by another program; stop it or choose another --port"
            ) from error
        raise AddressError(f"cannot listen on {where}: {error.strerror or error}") from error
    return listener


def require_loopback(settings: ServerSettings, listener: socket.socket) -> None:
    """Keep a server without accounts to this machine.

    Raises:
        AddressError: Access is open, and other machines could reach the address.
    """
    host = listener.getsockname()[0]
    if settings.access.mode is AccessMode.OPEN_ON_LOOPBACK and not ip_address(host).is_loopback:
        raise AddressError(
            f"--open-on-loopback lets in whoever reaches {host}, which is not this machine alone; "
            "leave it out, or listen on 127.0.0.1"
        )


def make_server(
    settings: ServerSettings,
    lineup: Lineup,
    store: Store,
    tracing: Tracing | None = None,
    load: Loader | None = None,
) -> Server:
    """Put the application under uvicorn, ready to ``serve``."""

    def started(services: Services) -> None:
        server.services = services

    config = uvicorn.Config(
        create_app(settings, lineup, store, load=load, tracing=tracing, on_started=started),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=settings.connection.idle_s,
        ws="none",
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        ssl_certfile=settings.tls.certificate if settings.tls else None,
        ssl_keyfile=settings.tls.key if settings.tls else None,
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise AddressError(f"the certificate or its key cannot be used: {error}") from error
    config.http_protocol_class = partial(Connection, limits=settings.connection)  # type: ignore[assignment]
    server = Server(config)
    return server


def serve(
    listener: socket.socket,
    settings: ServerSettings,
    lineup: Lineup,
    store: Store,
    tracing: Tracing | None = None,
    load: Loader | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; requests that are under way are finished first."""
    require_loopback(settings, listener)
    server = make_server(settings, lineup, store, tracing, load)
    _tune_interpreter()
    with listener, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(server.serve([listener]))
    if tracing is not None:
        tracing.close()
    log.info("stopped")


def _tune_interpreter() -> None:
    """Short waits for the interpreter's lock, and no collection of what lives for ever.

    A worker that comes back from the network wants the lock for microseconds; whoever holds it gives
    it up after this interval. What was loaded until now is never garbage, and looking through it
    takes longer than grading an item.
    """
    sys.setswitchinterval(_SWITCH_S)
    gc.collect()
    gc.freeze()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """That of uvloop where it is installed; there is none for Windows."""
    try:
        import uvloop  # noqa: PLC0415
    except ModuleNotFoundError:
        return None
    return uvloop.new_event_loop
