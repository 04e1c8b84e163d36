"""The two clients: thin shells, one blocking and one for asyncio, around the same exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Self

import httpx
import tenacity

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
from regrade.client import exchange
from regrade.client.errors import ClientError, LateError
from regrade.client.exchange import Call, Image
from regrade.client.retries import Budget

TIMEOUT_S: Final = 5.0
"""Of calls other than grading."""


class Client:
    """Blocking. Use it as a context manager, or ``close`` it; it may be shared between threads.

    Only ``grade`` tries again by itself, because only it has an item that waits. The other calls
    raise, and the caller says the newest state, or what is not yet delivered, the next time.
    """

    def __init__(self, url: str, *, api_key: str | None = None, **options: Any) -> None:
        """Connects at the first call.

        Args:
            url: Of the server, e.g. ``http://127.0.0.1:8000``.
            api_key: From ``regrade keys add``; by default what ``REGRADE_API_KEY`` holds.
            options: More arguments of ``httpx.Client``: ``verify``, ``headers``, ``transport``.
        """
        options = exchange.with_key(options, api_key)
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT_S, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def grade(
        self, images: Sequence[Image], facts: ItemFacts, capture_id: str, *, deadline_s: float
    ) -> Verdict:
        """Have one item graded.

        A lost connection, 'later' and a fault of the server are tried again until the deadline:
        the capture id makes that safe, also for a caller who asks once more after a restart.

        Args:
            images: 1 to 8 views of the item: paths or bytes of JPEG, PNG or WebP files.
            facts: What is known of it.
            capture_id: Yours, one per capture; the same id gives the same verdict.
            deadline_s: Seconds from now after which the verdict is of no more use, up to 600. The
                server is told, and refuses at once what it cannot do in time. A reply that
                trickles in may take longer than this; ``AsyncClient`` cuts it off.

        Raises:
            UnreachableError, BusyError: Not in time; the item belongs in its default lane.
            RefusedError, AccessError, AnswerError: Trying again is useless now.
            OSError: A file cannot be read.
        """
        call = exchange.grading(exchange.read_images(images), facts, capture_id)
        budget = Budget.of(deadline_s)
        again = tenacity.Retrying(**budget.policy())
        return again(lambda: exchange.verdict_of(self._send(call.within(budget.left_s))))

    def report_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Say where 1 to 500 items went; what the server has already is left as it was.

        Raises:
            ClientError: RefusedError: one of them will never be accepted, and none was stored.
        """
        self._send(exchange.outcomes_report(outcomes))

    def overrides(self, after: int, *, wait_s: float = 20.0) -> list[Override]:
        """Answers of people with a ``seq`` above ``after``; waits up to 25 s for one.

        Raises:
            ClientError: Ask again from the same ``after``.
        """
        return exchange.overrides_of(self._send(exchange.overrides_query(after, wait_s)))

    def open_commands(self, line_id: str, after: int, *, wait_s: float = 20.0) -> OpenCommands:
        """Commands of people to a line with a ``seq`` above ``after``; waits up to 25 s for one.

        A command may act for its ``left_s`` from when the server made the reply, not longer.

        Raises:
            ClientError: Ask again from the same ``after``.
        """
        return exchange.commands_of(self._send(exchange.commands_query(line_id, after, wait_s)))

    def report_results(self, line_id: str, results: Sequence[CommandResult]) -> None:
        """Say what became of 1 to 500 commands; the first result of a command holds.

        Raises:
            ClientError: RefusedError: a command is not known, and none was stored.
        """
        self._send(exchange.results_report(line_id, results))

    def report_alarms(self, line_id: str, alarms: Sequence[Alarm]) -> None:
        """Say how 1 to 500 alarms have changed; what the server has already is left as it was.

        Raises:
            ClientError: RefusedError: one of them will never be accepted, and none was stored.
        """
        self._send(exchange.alarms_report(line_id, alarms))

    def put_line_state(self, state: LineState) -> None:
        """Show the line as it stands; several times a second are welcome.

        Raises:
            ClientError: It is not shown; the next state says more than this one.
        """
        self._send(exchange.state_report(state))

    def _send(self, call: Call) -> httpx.Response:
        with exchange.translated(call):
            reply = self._http.request(call.method, call.path, **call.options)
        exchange.require_success(call, reply)
        return reply


class AsyncClient:
    """For asyncio: the methods of ``Client``, which documents them, to be awaited."""

    def __init__(self, url: str, *, api_key: str | None = None, **options: Any) -> None:
        """Connects at the first call.

        Args:
            url: Of the server.
            api_key: From ``regrade keys add``; by default what ``REGRADE_API_KEY`` holds.
            options: More arguments of ``httpx.AsyncClient``.
        """
        options = exchange.with_key(options, api_key)
        self._http = httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, **options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def grade(
        self, images: Sequence[Image], facts: ItemFacts, capture_id: str, *, deadline_s: float
    ) -> Verdict:
        """Have one item graded; raises by the deadline at the latest."""
        budget = Budget.of(deadline_s)
        files = await asyncio.to_thread(exchange.read_images, images)
        call = exchange.grading(files, facts, capture_id)
        trouble: ClientError = LateError(f"{call.name} was not answered in time")

        async def attempt() -> Verdict:
            nonlocal trouble
            try:
                return exchange.verdict_of(await self._send(call.within(budget.left_s)))
            except ClientError as error:
                trouble = error
                raise

        try:
            async with asyncio.timeout(budget.left_s):
                return await tenacity.AsyncRetrying(**budget.policy())(attempt)
        except TimeoutError as error:
            raise trouble from error

    async def report_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Say where items went."""
        await self._send(exchange.outcomes_report(outcomes))

    async def overrides(self, after: int, *, wait_s: float = 20.0) -> list[Override]:
        """Answers of people with a ``seq`` above ``after``."""
        return exchange.overrides_of(await self._send(exchange.overrides_query(after, wait_s)))

    async def open_commands(
        self, line_id: str, after: int, *, wait_s: float = 20.0
    ) -> OpenCommands:
        """Commands of people to a line with a ``seq`` above ``after``."""
        call = exchange.commands_query(line_id, after, wait_s)
        return exchange.commands_of(await self._send(call))

    async def report_results(self, line_id: str, results: Sequence[CommandResult]) -> None:
        """Say what became of commands."""
        await self._send(exchange.results_report(line_id, results))

    async def report_alarms(self, line_id: str, alarms: Sequence[Alarm]) -> None:
        """Say how alarms have changed."""
        await self._send(exchange.alarms_report(line_id, alarms))

    async def put_line_state(self, state: LineState) -> None:
        """Show the line as it stands."""
        await self._send(exchange.state_report(state))

    async def _send(self, call: Call) -> httpx.Response:
        with exchange.translated(call):
            reply = await self._http.request(call.method, call.path, **call.options)
        exchange.require_success(call, reply)
        return reply
