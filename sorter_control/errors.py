"""The errors of this package.

::

    SorterError                 everything below
    ├── SettingsError           a file or option is wrong: fix it and start again
    ├── PlcError                the PLC did not answer as it should: try again at the next poll
    │   └── MapError            the PLC speaks another register map: stop
    ├── CameraError             no capture for this item: it goes to the manual lane
    └── ServerError             the grading server did not do what was asked
        ├── ServerUnreachableError  nobody answers: try again later
        ├── ServerBusyError         'later', or too slow: try again later
        └── ServerRefusedError      the request was understood and refused: trying again is useless
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


class ServerError(SorterError):
    """The grading server did not do what was asked."""


class ServerUnreachableError(ServerError):
    """There is no connection to the server."""


class ServerBusyError(ServerError):
    """The server is there, but was too slow, failed inside, or said 'later'."""


class ServerRefusedError(ServerError):
    """The server refused the request; sending it again gives the same answer."""
