"""The newest snapshot of each line, in memory: it is worth nothing after a second."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from inference.errors import ApiError, ErrorCode
from inference.records import LineInfo
from inference.signals import Signal
from model.contract import LineState

MAX_LINES = 64
STALE_S = 2.0


@dataclass(slots=True)
class _Reported:
    state: LineState
    text: str
    at: datetime
    at_s: float
    signal: Signal = field(default_factory=Signal)


@dataclass(frozen=True, slots=True)
class Steerable:
    """An item on a belt that a person's answer can still send to another lane."""

    item_id: str
    line_id: str
    left_s: float


class LineBoard:
    """What lines report, for pages that watch them. Used on one event loop."""

    def __init__(self) -> None:
        self._lines: dict[str, _Reported] = {}
        self._closed = False

    def put(self, state: LineState) -> None:
        """Take a report.

        Raises:
            ApiError: Too many different lines report.
        """
        known = self._lines.get(state.line_id)
        if known is None and len(self._lines) == MAX_LINES:
            raise ApiError(
                ErrorCode.TOO_MANY_LINES, f"{MAX_LINES} lines report already; restart to forget"
            )
        now = datetime.now(UTC), time.monotonic()
        if known is None:
            self._lines[state.line_id] = _Reported(state, state.model_dump_json(), *now)
            return
        known.state, known.text, (known.at, known.at_s) = state, state.model_dump_json(), now
        known.signal.notify()

    def lines(self) -> list[LineInfo]:
        """Lines that have reported, by name."""
        return [
            LineInfo(line_id=line_id, reported_at=seen.at, silent_s=self.silent_s(line_id))
            for line_id, seen in sorted(self._lines.items())
        ]

    def silent_s(self, line_id: str) -> float:
        """Seconds since the line's last report."""
        return round(time.monotonic() - self._get(line_id).at_s, 3)

    def state(self, line_id: str) -> LineState:
        """Newest snapshot.

        Raises:
            ApiError: The line is not known.
        """
        return self._get(line_id).state

    def text(self, line_id: str) -> str:
        """Newest snapshot as JSON."""
        return self._get(line_id).text

    def signal(self, line_id: str) -> Signal:
        """Wakes at each report of the line."""
        return self._get(line_id).signal

    def steerable(self) -> list[Steerable]:
        """Items that wait for a person and can still be steered, the most urgent first."""
        found = []
        for line_id, seen in self._lines.items():
            age_s = time.monotonic() - seen.at_s
            if age_s > STALE_S:
                continue
            found += [
                Steerable(item.item_id, line_id, round(item.steerable_s - age_s, 2))
                for item in seen.state.items
                if item.item_id and item.needs_review and item.steerable_s > age_s
            ]
        return sorted(found, key=lambda item: item.left_s)

    def close(self) -> None:
        """End every event stream."""
        self._closed = True
        for seen in self._lines.values():
            seen.signal.close()

    def _get(self, line_id: str) -> _Reported:
        try:
            return self._lines[line_id]
        except KeyError:
            raise ApiError(
                ErrorCode.UNKNOWN_LINE,
                f"line {line_id} has not reported; is its `regrade sort` running?",
                field="line_id",
            ) from None
