"""The grading server's client: grades, outcomes, overrides, line state."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import httpx
from pydantic import TypeAdapter, ValidationError

from model.contract import ItemFacts, LineState, Outcome, Override, Verdict
from sorter_control.controller.camera import Picture
from sorter_control.controller.outage import Outage
from sorter_control.errors import ServerBusyError, ServerRefusedError, ServerUnreachableError

OVERRIDE_WAIT_S = 20.0
_OVERRIDES: Final = TypeAdapter(list[Override])
_OUTCOMES: Final = TypeAdapter(list[Outcome])
_LATER = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
}


class Server:
    """Talks to the grading server, and knows whether it is there.

    Args:
        client: With the server's base URL.

    Attributes:
        outage: Whether there is a connection; logs once when it goes and once when it is back.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.outage = Outage("grading server")

    async def grade(
        self, capture_id: str, facts: ItemFacts, pictures: Sequence[Picture], budget_s: float
    ) -> Verdict:
        """Have an item graded; the same ``capture_id`` gives the same verdict.

        Raises:
            ServerUnreachableError: Nobody answers.
            ServerBusyError: No answer within the budget, or the server is overloaded.
            ServerRefusedError: The server cannot grade this; the message says why.
        """
        reply = await self._send(
            "POST",
            "/v1/grade",
            data={"item": facts.model_dump_json(), "capture_id": capture_id},
            files=[("images", (each.name, each.data, each.media_type)) for each in pictures],
            headers={"X-Deadline-Ms": str(max(1, int(budget_s * 1000)))},
            timeout=budget_s,
        )
        try:
            return Verdict.model_validate_json(reply.content)
        except ValidationError as error:
            raise ServerRefusedError(f"the server's answer is no verdict: {error}") from error

    async def post_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Deliver outcomes; repeating them is harmless.

        Raises:
            ServerUnreachableError, ServerBusyError: Try again later.
            ServerRefusedError: One of them will never be accepted.
        """
        body = _OUTCOMES.dump_json(list(outcomes))
        await self._send(
            "POST", "/v1/outcomes", content=body, headers={"content-type": "application/json"}
        )

    async def overrides(self, after: int) -> list[Override]:
        """Answers of people with a seq above ``after``; waits for one.

        Raises:
            ServerUnreachableError, ServerBusyError: Try again later.
            ServerRefusedError: The server does not know this request.
        """
        reply = await self._send(
            "GET",
            "/v1/overrides",
            params={"after": after, "wait_s": OVERRIDE_WAIT_S},
            timeout=OVERRIDE_WAIT_S + 5,
        )
        try:
            return _OVERRIDES.validate_json(reply.content)
        except ValidationError as error:
            raise ServerRefusedError(
                f"the server's answer is no list of overrides: {error}"
            ) from error

    async def put_line_state(self, state: LineState) -> None:
        """Show the line as it stands.

        Raises:
            ServerUnreachableError, ServerBusyError: Try again later.
            ServerRefusedError: The server does not take it.
        """
        await self._send(
            "PUT",
            f"/v1/lines/{state.line_id}/state",
            content=state.model_dump_json(),
            headers={"content-type": "application/json"},
        )

    async def _send(self, method: str, path: str, **request: object) -> httpx.Response:
        try:
            reply = await self._client.request(method, path, **request)  # type: ignore[arg-type]
        except httpx.ReadTimeout as error:
            raise ServerBusyError(f"{method} {path} was not answered in time") from error
        except httpx.HTTPError as error:
            self.outage.failed(f"{type(error).__name__} {error}".strip())
            raise ServerUnreachableError(f"{method} {path}: {error}") from error
        self.outage.worked()
        status = reply.status_code
        if reply.is_success:
            return reply
        problem = f"{method} {path} answers {status}: {reply.text[:300]}"
        if reply.is_server_error or status in _LATER:
            raise ServerBusyError(problem)
        raise ServerRefusedError(problem)
