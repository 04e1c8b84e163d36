"""Why the demo cannot run.

::

    UsageError    what was asked for cannot be done: another option, folder or port will do
    ProcessError  a part of the demo does not run; the message shows its last words
"""

from __future__ import annotations


class UsageError(Exception):
    """What was asked for cannot be done; the message says what to do."""


class ProcessError(Exception):
    """A part of the demo cannot run; the message says which and shows its last words."""
