"""Rate limits: a bucket for each caller. Pure, but for the clock it is given."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

_MAX_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and then one more after every so many seconds."""

    burst: int
    every_s: float


class RateLimiter:
    """Counts by key, with the generic cell rate algorithm (ITU-T I.371): one time for each key.

    Args:
        rate: What one key may do.
        clock: Seconds that only grow.
    """

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._full_until_s: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str) -> float:
        """Count one more; returns 0, or the seconds to wait, and then it is not counted."""
        now_s = self._clock()
        full_s = max(self._full_until_s.get(key, now_s), now_s)
        wait_s = full_s - now_s - (self._rate.burst - 1) * self._rate.every_s
        if wait_s > 1e-9:
            return wait_s
        self._full_until_s[key] = full_s + self._rate.every_s
        self._full_until_s.move_to_end(key)
        if len(self._full_until_s) > _MAX_KEYS:
            self._full_until_s.popitem(last=False)
        return 0.0

    def give_back(self, key: str) -> None:
        """Take one count back: it was no attempt of the kind that is limited."""
        if key in self._full_until_s:
            self._full_until_s[key] -= self._rate.every_s


def network_of(address: str) -> str:
    """What one caller can choose freely: an IPv4 address, the /64 network of an IPv6 address."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ip_network((ip, 64), strict=False))
    return address
