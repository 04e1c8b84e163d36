"""Settings of the server, built once by the command and passed down."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

#: A body over the limit is read on, and dropped, up to this many limits: a client that is cut off
#: while it sends never sees why.
DRAIN_FACTOR = 8
MAX_JSON_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What one request to ``/v1/grade`` may hold."""

    max_body_bytes: int = 25_000_000
    max_images: int = 8
    max_text_bytes: int = 16_384
    """Length of one field that is not a picture."""
    timeout_s: float = 15.0
    """Time for the whole body to arrive."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much is done at once, and how much may wait."""

    decode_threads: int = 2
    grade_threads: int = 1
    """Items that the model works on at once; each uses ``model_threads``."""
    model_threads: int = 2
    max_in_flight: int = 24
    """Requests being received, waiting or graded; one more is refused with 503."""

    @classmethod
    def for_machine(cls) -> Capacity:
        """One item at a time with all cores: the lowest latency per item."""
        cores = os.cpu_count() or 1
        return cls(decode_threads=max(2, cores // 2), model_threads=cores)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """All that the application needs to know."""

    data_dir: Path
    """Pictures, and the SQLite database unless another one is named."""
    upload: UploadLimits = field(default_factory=UploadLimits)
    capacity: Capacity = field(default_factory=Capacity)
    host_names: frozenset[str] = frozenset()
    """Names by which others call this server, besides localhost and any IP address."""

    @property
    def pictures_dir(self) -> Path:
        """Where the content-addressed pictures are."""
        return self.data_dir / "pictures"


def default_data_dir() -> Path:
    """``$XDG_DATA_HOME/regrade``, by default ``~/.local/share/regrade``."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "regrade"
