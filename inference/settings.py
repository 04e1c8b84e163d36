"""Settings of the server, built once by the command and passed down."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from inference.access.settings import AccessSettings
from inference.scheduling.schedule import Bounds
from inference.upkeep.retention import Retention

#: A JSON body over the limit is read on, and dropped, up to this many limits: a client that is cut
#: off while it sends never sees why.
DRAIN_FACTOR = 8
MAX_JSON_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What requests that bring pictures may hold, and how slowly they may come."""

    max_body_bytes: int = 25_000_000
    max_images: int = 8
    """Pictures of one item."""
    max_items: int = 64
    """Items of one batch."""
    max_text_bytes: int = 16_384
    """Length of one field that is not a picture; ``max_items`` times that for a batch's list."""
    timeout_s: float = 15.0
    """Time for the whole body to arrive."""
    grace_s: float = 3.0
    """Time after which a body must have come at ``min_bytes_per_s`` so far."""
    min_bytes_per_s: float = 32_000.0
    max_buffered_bytes: int = 128_000_000
    """Of all requests together; when it is full, the slowest upload is given up."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How long a connection may keep the server waiting."""

    header_s: float = 10.0
    """Time for a request's header to arrive, from the connection or from its first byte."""
    max_header_bytes: int = 32_768
    drain_s: float = 15.0
    """Time in which the rest of a body is read and dropped once its request has been answered."""
    stuck_reader_s: float = 30.0
    """Time for which a client may take nothing of a reply."""
    idle_s: int = 30
    """Time for which a connection without a request is kept."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much is done at once, and how much may wait."""

    grade_threads: int = 2
    """Items that are worked on at once, each by one thread of one core."""
    max_in_flight: int = 64
    """Items that wait or are worked on; one more is refused, or displaces a lower priority."""
    max_wait_s: float = 0.5
    """Expected wait at which an item without a deadline is refused."""

    @classmethod
    def for_machine(cls) -> Capacity:
        """A core for each item: nothing is computed in parallel that needs waiting for another."""
        return cls(grade_threads=_cores())

    @property
    def bounds(self) -> Bounds:
        """The same, for the schedule."""
        return Bounds(self.grade_threads, self.max_in_flight, self.max_wait_s)


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files of the server's certificate, with those that vouch for it, and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """All that the application needs to know."""

    data_dir: Path
    """Pictures, and the SQLite database unless another one is named."""
    upload: UploadLimits = field(default_factory=UploadLimits)
    connection: ConnectionLimits = field(default_factory=ConnectionLimits)
    capacity: Capacity = field(default_factory=Capacity)
    access: AccessSettings = field(default_factory=AccessSettings)
    tls: Tls | None = None
    """None: the connection is not encrypted, or a proxy does it."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed."""
    retention: Retention | None = None
    """Which pictures may go; None: all stay."""
    host_names: frozenset[str] = frozenset()
    """Names by which others call this server, besides localhost and any IP address."""

    @property
    def pictures_dir(self) -> Path:
        """Where the content-addressed pictures are."""
        return self.data_dir / "pictures"

    @property
    def models_dir(self) -> Path:
        """Where the registry of bundles is."""
        return self.data_dir / "models"

    @property
    def sqlite_url(self) -> str:
        """The database where no other one is named."""
        return f"sqlite:///{self.data_dir / 'regrade.sqlite'}"


def default_data_dir() -> Path:
    """``$XDG_DATA_HOME/regrade``, by default ``~/.local/share/regrade``."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "regrade"


def _cores() -> int:
    """Cores that this process may run on, which a container may hold below the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
