"""How access is set up, and its limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from inference.access.rates import Rate


class AccessMode(StrEnum):
    """Who is let in."""

    REQUIRED = "required"
    """Who has a key or is logged in."""
    OPEN_ON_LOOPBACK = "open-on-loopback"
    """Whoever reaches this machine's own address; credentials that are given are still checked."""


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """Times and rates."""

    mode: AccessMode = AccessMode.REQUIRED
    idle: timedelta = timedelta(hours=1)
    """After so long without an act of a person a session ends."""
    absolute: timedelta = timedelta(hours=12)
    """A session ends after so long in any case: no shift is longer."""
    refresh_s: float = 1.0
    """Keys, people and sessions are read again so often: how long one that was revoked may live."""
    log_ins_by_address: Rate = Rate(20, 6.0)
    log_ins_by_name: Rate = Rate(10, 30.0)
    """Failed ones; both bound guessing, the second from many addresses too."""
    bad_keys: Rate = Rate(20, 3.0)
    """Wrong keys from one address; a right one is never held up by them."""
    acts: Rate = Rate(30, 1.0)
    """Privileged acts of one caller."""
    refusals: Rate = Rate(20, 30.0)
    """Refused acts of one caller that are put on record; more are only counted."""
