"""The errors of this package.

::

    SorterError                 everything below
    ├── SettingsError           a file or option is wrong: fix it and start again
    ├── PlcError                the PLC did not answer as it should: try again at the next poll
    │   └── MapError            the PLC speaks another register map: stop
    └── CameraError             no capture for this item: it goes to the manual lane

Errors of the grading server are those of ``regrade.client``.
"""

from __future__ import annotations


class SorterError(Exception):
    """Base of every error of this package."""


class SettingsError(SorterError):
    """A file or an option is wrong; the message says where and what to do."""


class PlcError(SorterError):
    """The PLC could not be read or written."""


class MapError(PlcError):
    """The PLC publishes values that this version of the register map does not know."""


class CameraError(SorterError):
    """The camera station has no capture for the item."""
