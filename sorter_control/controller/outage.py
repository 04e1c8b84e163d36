"""Log once when something stops working, and once when it works again."""

from __future__ import annotations

import structlog

_log = structlog.get_logger(__name__)


class Outage:
    """Whether one other party answers, as far as is known.

    Args:
        party: Its name in the log and in the alarms.
    """

    def __init__(self, party: str) -> None:
        self._party = party
        self._problem: str | None = None

    @property
    def alarm(self) -> tuple[str, str] | None:
        """The party and what is wrong with it, while it does not answer."""
        return None if self._problem is None else (self._party, self._problem)

    def failed(self, problem: object) -> None:
        """It did not answer; the first time is logged."""
        if self._problem is None:
            _log.warning("lost", party=self._party, problem=str(problem))
        self._problem = str(problem)

    def worked(self) -> None:
        """It answered; the first time after a failure is logged."""
        if self._problem is not None:
            _log.info("recovered", party=self._party)
        self._problem = None
