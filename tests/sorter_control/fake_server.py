"""A grading server in memory, and a camera station without a socket."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from model.contract import (
    Alarm,
    CommandResult,
    Grade,
    ItemFacts,
    LineCommand,
    LineState,
    OpenCommand,
    OpenCommands,
    Outcome,
)
from regrade.client import AsyncClient
from sorter_control.controller.camera import Camera
from sorter_control.sim.camera import CameraStation
from tests.sorter_control.factories import make_verdict

FACTS = {"RET-0": ItemFacts(item_id="RET-0")}
PICTURE = b"\xff\xd8 not really a picture"


class FakeServer:
    """The grading server's side of the contract, in memory."""

    def __init__(self) -> None:
        self.up = True
        self.outcomes: dict[str, Outcome] = {}
        self.states: list[LineState] = []
        self.graded: list[httpx.Request] = []
        self.overrides: list[dict[str, Any]] = []
        self.commands: list[LineCommand] = []
        self.left_s = 5.0
        self.way_back_s = 0.0
        self.results: list[CommandResult] = []
        self.lost_results = 0
        self.alarms: list[Alarm] = []
        self.refused: set[str] = set()
        self.client = AsyncClient("http://server", transport=httpx.MockTransport(self.answer))

    async def answer(self, request: httpx.Request) -> httpx.Response:
        if not self.up:
            raise httpx.ConnectError("nobody listens")
        path = request.url.path
        if path == "/v1/grade":
            return self.grade(request)
        if path == "/v1/outcomes":
            return self.record(request)
        if path == "/v1/overrides":
            after = int(request.url.params["after"])
            news = [each for each in self.overrides if each["seq"] > after]
            if not news:
                await asyncio.sleep(0.05)
            return httpx.Response(200, json=news)
        if path.endswith("/commands/open"):
            return await self.hand_out(int(request.url.params["after"]))
        if path.endswith("/commands/results"):
            if self.lost_results:
                self.lost_results -= 1
                raise httpx.ConnectError("nobody listens")
            self.results += [
                CommandResult.model_validate(row) for row in json.loads(request.content)
            ]
            return httpx.Response(200, json={"accepted": 1, "repeated": 0})
        if path.endswith("/alarms"):
            self.alarms += [Alarm.model_validate(row) for row in json.loads(request.content)]
            return httpx.Response(200, json={"accepted": 1, "repeated": 0})
        self.states.append(LineState.model_validate_json(request.content))
        return httpx.Response(204)

    async def hand_out(self, after: int) -> httpx.Response:
        """The commands that have no result."""
        known = {result.command_id for result in self.results}
        news = [
            OpenCommand(command=each, left_s=self.left_s)
            for each in self.commands
            if each.seq > after and each.command_id not in known
        ]
        await asyncio.sleep(self.way_back_s if news else 0.05)
        waited_s = 0.0 if news else 0.05
        reply = OpenCommands(waited_s=waited_s, commands=tuple(news))
        return httpx.Response(200, text=reply.model_dump_json())

    def grade(self, request: httpx.Request) -> httpx.Response:
        self.graded.append(request)
        part = rb'name="(item|capture_id)"\r\n\r\n(.*?)\r\n'
        fields = dict(re.findall(part, request.content, re.DOTALL))
        item_id = json.loads(fields[b"item"])["item_id"]
        verdict = make_verdict(
            item_id, Grade.LIGHTLY_USED, capture_id=fields[b"capture_id"].decode()
        )
        return httpx.Response(200, text=verdict.model_dump_json())

    def record(self, request: httpx.Request) -> httpx.Response:
        outcomes = [Outcome.model_validate(row) for row in json.loads(request.content)]
        if any(outcome.outcome_id in self.refused for outcome in outcomes):
            return httpx.Response(422, json={"error": {"code": "invalid", "message": "no"}})
        new = {each.outcome_id: each for each in outcomes if each.outcome_id not in self.outcomes}
        self.outcomes |= new
        return httpx.Response(200, json={"accepted": len(new), "repeated": 0})


@asynccontextmanager
async def camera_of(station: CameraStation) -> AsyncIterator[Camera]:
    transport = httpx.ASGITransport(station.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://camera") as client:
        yield Camera(client)
