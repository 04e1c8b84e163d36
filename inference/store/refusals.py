"""Why a fact cannot be stored.

::

    RefusalError            a fact that contradicts one that is stored
      CaptureConflictError
      OverrideConflictError
      UnknownItemError
      AnsweredAlreadyError
      CommandConflictError
      UnknownCommandError
      OtherLinesError
"""

from __future__ import annotations

from model.contract import Override


class RefusalError(Exception):
    """A fact that cannot be stored beside those that are there."""


class CaptureConflictError(RefusalError):
    """The capture was graded before, from other pictures or facts."""


class OverrideConflictError(RefusalError):
    """The override id stands for another answer."""


class UnknownItemError(RefusalError):
    """No fact names the item."""


class AnsweredAlreadyError(RefusalError):
    """Somebody answered meanwhile; ``newest`` is their answer."""

    def __init__(self, newest: Override) -> None:
        super().__init__(newest.override_id)
        self.newest = newest


class CommandConflictError(RefusalError):
    """The command id stands for another command."""


class UnknownCommandError(RefusalError):
    """The line was given no command with this id."""


class OtherLinesError(RefusalError):
    """The id stands for a report of another line."""

    def __init__(self, report_id: str, line_id: str) -> None:
        super().__init__(report_id)
        self.report_id = report_id
        self.line_id = line_id
