"""Errors of ``training``.

TrainingError
├── ConfigError   the configuration cannot be used: edit it
└── DataError     the labelled pictures cannot be used: import or fix them

StoppedError       a person or the system asked the run to stop; its state is saved
"""

from __future__ import annotations


class TrainingError(Exception):
    """A run cannot go on; the message says what to do."""


class ConfigError(TrainingError):
    """The configuration cannot be used."""


class DataError(TrainingError):
    """The labelled pictures cannot be used."""


class StoppedError(Exception):
    """The run was asked to stop and has saved its state."""
