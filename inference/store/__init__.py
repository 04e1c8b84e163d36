"""The store: append-only facts about items in SQLite or PostgreSQL."""

from inference.store.refusals import (
    AnsweredAlreadyError,
    CaptureConflictError,
    CommandConflictError,
    OtherLinesError,
    OverrideConflictError,
    UnknownCommandError,
    UnknownItemError,
)
from inference.store.rows import NewGrading
from inference.store.store import Store

__all__ = [
    "AnsweredAlreadyError",
    "CaptureConflictError",
    "CommandConflictError",
    "NewGrading",
    "OtherLinesError",
    "OverrideConflictError",
    "Store",
    "UnknownCommandError",
    "UnknownItemError",
]
