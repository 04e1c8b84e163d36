"""The grading server as the controller sees it, and whether it is there."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TypeVar

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
from regrade.client import AsyncClient, ClientError, LateError, UnreachableError
from sorter_control.controller.camera import Picture
from sorter_control.controller.outage import Outage

T = TypeVar("T")


class Server:
    """Talks to the grading server; its errors are the client's.

    Args:
        client: Of the server.

    Attributes:
        outage: Whether there is a connection; logs once when it goes and once when it is back.
    """

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self.outage = Outage("grading server")

    async def grade(
        self, capture_id: str, facts: ItemFacts, pictures: Sequence[Picture], budget_s: float
    ) -> Verdict:
        """Have an item graded; tried again until the budget is spent."""
        images = [each.data for each in pictures]
        return await self._noted(self._client.grade(images, facts, capture_id, deadline_s=budget_s))

    async def post_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Deliver outcomes; repeating them is harmless."""
        await self._noted(self._client.report_outcomes(outcomes))

    async def overrides(self, after: int) -> list[Override]:
        """Answers of people with a seq above ``after``; waits for one."""
        return await self._noted(self._client.overrides(after))

    async def commands(self, line_id: str, after: int) -> OpenCommands:
        """Commands of people to the line with a seq above ``after``; waits for one."""
        return await self._noted(self._client.open_commands(line_id, after))

    async def tell(self, line_id: str, reports: Sequence[CommandResult | Alarm]) -> None:
        """Deliver results of commands and changes of alarms; repeating them is harmless."""
        if results := [each for each in reports if isinstance(each, CommandResult)]:
            await self._noted(self._client.report_results(line_id, results))
        if alarms := [each for each in reports if isinstance(each, Alarm)]:
            await self._noted(self._client.report_alarms(line_id, alarms))

    async def put_line_state(self, state: LineState) -> None:
        """Show the line as it stands."""
        await self._noted(self._client.put_line_state(state))

    async def _noted(self, call: Awaitable[T]) -> T:
        try:
            result = await call
        except UnreachableError as error:
            self.outage.failed(error)
            raise
        except LateError:
            raise  # says nothing of the connection
        except ClientError:
            self.outage.worked()
            raise
        self.outage.worked()
        return result
