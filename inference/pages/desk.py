"""Who looks at which item, so that no item is put before two people at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

LEASE_S = 20.0


class ReviewDesk:
    """Leases of items to viewers, in memory: one that is lost costs a glance, not an answer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._leases: dict[str, tuple[str, float]] = {}

    def take(self, viewer: str, item_ids: Iterable[str]) -> str | None:
        """Lease the first item that no other viewer has."""
        now_s = self._clock()
        self._leases = {
            item_id: lease for item_id, lease in self._leases.items() if lease[1] > now_s
        }
        for item_id in item_ids:
            if self._leases.get(item_id, (viewer, 0.0))[0] == viewer:
                self._leases[item_id] = (viewer, now_s + LEASE_S)
                return item_id
        return None

    def renew(self, viewer: str, item_ids: Iterable[str]) -> None:
        """Keep exactly these items: the viewer's others are free for anyone."""
        kept = set(item_ids)
        until_s = self._clock() + LEASE_S
        for item_id, (holder, _) in list(self._leases.items()):
            if holder == viewer and item_id not in kept:
                del self._leases[item_id]
        for item_id in kept:
            if self._leases.get(item_id, (viewer, 0.0))[0] == viewer:
                self._leases[item_id] = (viewer, until_s)
