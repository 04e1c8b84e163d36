"""The errors of the client, by what the caller can do.

::

    ClientError              everything below
    ├── UnreachableError     nobody answers, or the connection broke: try again
    ├── BusyError            the server says 'later', or failed inside: try again
    │   └── LateError        nothing came back in time
    ├── AccessError          the server does not let us in: mend that, then try again
    ├── RefusedError         the request will never be served
    └── AnswerError          the reply is not one of this API: is it the right server?

Trying again is safe for every call: what the server has already is stored once.
"""

from __future__ import annotations


class ClientError(Exception):
    """Base of every error that a call raises."""


class UnreachableError(ClientError):
    """There is no connection to the server, or it was lost."""


class BusyError(ClientError):
    """The server is there, and cannot do it now.

    Attributes:
        retry_after_s: When it may be able to, as it said; 0: it did not say.
    """

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class LateError(BusyError):
    """There was no answer in time."""


class AccessError(ClientError):
    """The server does not know who we are, or does not let us do this."""


class RefusedError(ClientError):
    """The request is at fault; sending it again gives the same answer.

    Attributes:
        status: Of HTTP.
        code: The word that the API's table of errors explains; None where the reply has none.
        field: Part of the request at fault, where the reply names one.
    """

    def __init__(
        self, message: str, *, status: int, code: str | None = None, field: str | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.field = status, code, field


class AnswerError(ClientError):
    """The reply is not what the API says."""
