"""The store: append-only facts about items in SQLite or PostgreSQL."""

from inference.store.refusals import (
    AnsweredAlreadyError,
    CaptureConflictError,
    OverrideConflictError,
    UnknownItemError,
)
from inference.store.rows import NewGrading
from inference.store.store import Store

__all__ = [
    "AnsweredAlreadyError",
    "CaptureConflictError",
    "NewGrading",
    "OverrideConflictError",
    "Store",
    "UnknownItemError",
]
