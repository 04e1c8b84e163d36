"""Which line an id is of: pure."""

from __future__ import annotations

from typing import Final

#: Of the name of a line, as ids begin with it: an alarm's has room for so much.
_LONGEST: Final = 80


def other_line_of(text: str, line_id: str) -> str | None:
    """The line that an id names, where that is not this one.

    Controllers begin the ids of captures, outcomes and alarms with ``line:``. An id without a colon
    names no line.
    """
    named, colon, _ = text.partition(":")
    own = (f"{line_id}:", f"{line_id[:_LONGEST]}:")
    return named if colon and not text.startswith(own) else None
