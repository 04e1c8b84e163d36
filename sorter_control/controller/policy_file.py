"""A policy file that a running controller follows."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import structlog

from sorter_control.controller.outage import Outage
from sorter_control.dry_run import DryItem, moves
from sorter_control.errors import SettingsError
from sorter_control.policy import Policy, parse_policy

_log = structlog.get_logger(__name__)

KEPT_ITEMS = 500
_NAMED_ITEMS = 20
_FIXED = ("lanes", "fail_safe", "recirculate")


class PolicyFile:
    """The file, what it held last, and the items that a change of it is tried on.

    Args:
        path: TOML file.

    Raises:
        SettingsError: It is no policy.
    """

    def __init__(self, path: Path) -> None:
        self.outage = Outage("routing policy")
        self._path = path
        self._loaded = self._seen = self._content()
        self.policy = parse_policy(self._loaded, path)
        self._recent: deque[DryItem] = deque(maxlen=KEPT_ITEMS)

    def remember(self, item: DryItem) -> None:
        """Keep an item that was graded; the oldest of many goes."""
        self._recent.append(item)

    def reload(self, lane_count: int | None) -> Policy | None:
        """The new policy, if the file has other content than before and it is valid.

        Content counts once two calls have found the same: a file that is being written may be a
        policy already, but not the one that is meant. A file that is no policy leaves the old one
        in force; that is logged, and an alarm until the file is right again.

        Args:
            lane_count: Lanes of the PLC; None while it is unknown.
        """
        try:
            content = self._content()
            if content == self._loaded:
                self.outage.worked()
                return None
            if content != self._seen:
                self._seen = content
                return None
            new = parse_policy(content, self._path)
            self._require_same_lanes(new)
            if lane_count is not None:
                new.require_lanes(lane_count)
        except SettingsError as error:
            self.outage.failed(f"{error}; the one before stays in force")
            return None
        self.outage.worked()
        self._loaded = content
        if new == self.policy:
            return None
        self._log_change(new)
        self.policy = new
        return new

    def _log_change(self, new: Policy) -> None:
        elsewhere = moves(self._recent, self.policy, new)
        _log.info(
            "policy_changed",
            path=str(self._path),
            tried_on=len(self._recent),
            would_go_elsewhere=len(elsewhere),
            items={
                move.item_id: f"{move.before.lane} -> {move.after.lane}"
                for move in elsewhere[:_NAMED_ITEMS]
            },
        )

    def _content(self) -> bytes:
        """Content of the file, which is small."""
        try:
            return self._path.read_bytes()
        except OSError as error:
            raise SettingsError(f"policy {self._path}: {error}") from error

    def _require_same_lanes(self, new: Policy) -> None:
        """Items on the belt are on their way to lanes by name."""
        if any(getattr(new, part) != getattr(self.policy, part) for part in _FIXED):
            raise SettingsError(
                f"policy {self._path}: [lanes], [fail_safe] and [recirculate] cannot change while items are on"
                " the belt: restart the controller"
            )
