"""A server on a real socket, in a thread of the test's process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inference.access.settings import AccessSettings
from inference.grader import Grader
from inference.models.lineup import Lineup
from inference.serving import Address, bind, make_server
from inference.settings import ServerSettings
from inference.store import Store
from tests.inference.inference_factories import OPEN_ACCESS


@contextmanager
def live_server(
    grader: Grader, folder: Path, access: AccessSettings = OPEN_ACCESS
) -> Iterator[str]:
    """Serve until the block ends.

    Yields:
        ``host:port``.
    """
    listener = bind(Address("127.0.0.1", 0))
    store = Store.open(f"sqlite:///{folder / 'regrade.sqlite'}")
    server = make_server(ServerSettings(data_dir=folder, access=access), Lineup(grader), store)
    running = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    running.start()
    host, port = listener.getsockname()
    try:
        yield f"{host}:{port}"
    finally:
        server.should_exit = True
        running.join()
        listener.close()
