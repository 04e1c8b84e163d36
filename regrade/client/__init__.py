"""A client for the software of a line: grade, follow people's answers, report.

::

    from regrade.client import Client, ItemFacts

    with Client("http://127.0.0.1:8000") as client:
        verdict = client.grade(
            ["top.jpg", "side.jpg"], ItemFacts(item_id="RET-1"), "line1-000123", deadline_s=0.8
        )

``AsyncClient`` is the same with ``await``. Imports nothing of ours but the contract.
"""

from model.contract import (
    Alarm,
    CommandResult,
    ItemFacts,
    LineState,
    OpenCommands,
    Outcome,
    Override,
    Verdict,
)
from regrade.client.clients import AsyncClient, Client
from regrade.client.errors import (
    AccessError,
    AnswerError,
    BusyError,
    ClientError,
    LateError,
    RefusedError,
    UnreachableError,
)

__all__ = [
    "AccessError",
    "Alarm",
    "AnswerError",
    "AsyncClient",
    "BusyError",
    "Client",
    "ClientError",
    "CommandResult",
    "ItemFacts",
    "LateError",
    "LineState",
    "OpenCommands",
    "Outcome",
    "Override",
    "RefusedError",
    "UnreachableError",
    "Verdict",
]
