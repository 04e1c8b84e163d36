"""Commands of people to lines, and the lines' alarms."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request

from inference.access.middleware import Caller, address_of
from inference.access.signing import signer
from inference.errors import ApiError, ErrorCode
from inference.lines import STALE_S
from inference.records import (
    AlarmReport,
    CommandRecord,
    CommandRequest,
    ReportsReply,
    ResultReport,
)
from inference.replies import errors
from inference.services import LineId, Parts
from inference.store import CommandConflictError, OtherLinesError, Store, UnknownCommandError
from model.contract import Alarm, OpenCommands

router = APIRouter(prefix="/v1/lines/{line_id}", tags=["lines"])

_READ = (ErrorCode.INVALID_FIELD, ErrorCode.STORE_UNAVAILABLE)
_WRITE = (
    *_READ,
    ErrorCode.MALFORMED_JSON,
    ErrorCode.CROSS_SITE_REQUEST,
    ErrorCode.BODY_TOO_LARGE,
    ErrorCode.WRONG_CONTENT_TYPE,
    ErrorCode.MISSING_FIELD,
    ErrorCode.UNEXPECTED_FIELD,
)
Limit = Annotated[int, Query(ge=1, le=500)]


@router.post(
    "/commands",
    summary="Command a line",
    status_code=201,
    responses=errors(
        ErrorCode.UNKNOWN_LINE, ErrorCode.LINE_SILENT, ErrorCode.COMMAND_CONFLICT, *_WRITE
    ),
)
async def add_command(
    line_id: LineId, request: CommandRequest, caller: Caller, parts: Parts
) -> CommandRecord:
    """Tell a line to do something, for a person. Its controller checks it, and says what became of it.

    Sending the same command again (same `command_id`) gives the stored one and commands nothing.
    After `expires_s` it does not act any more, wherever it was held up. **Stop is not an emergency
    stop**: that is a button at the machine.
    """
    if parts.board.silent_s(line_id) > STALE_S:
        raise ApiError(
            ErrorCode.LINE_SILENT,
            f"{line_id} has been silent for {parts.board.silent_s(line_id):.0f} s, so no command "
            "reaches it; use the buttons at the machine",
            field="line_id",
        )
    signed = request.model_copy(update={"operator": signer(caller, request.operator)})
    try:
        stored = await parts.store.write(Store.add_command, line_id, signed)
    except CommandConflictError as error:
        raise ApiError(
            ErrorCode.COMMAND_CONFLICT,
            f"command_id {request.command_id} was used for another command; use a new one",
            field="command_id",
        ) from error
    parts.commanded.notify()
    return stored


@router.get("/commands", summary="Newest commands of a line", responses=errors(*_READ))
async def list_commands(
    line_id: LineId,
    parts: Parts,
    limit: Limit = 50,
    before: Annotated[
        int | None, Query(ge=0, le=2**62, description="`seq` of the last one of the page before.")
    ] = None,
) -> list[CommandRecord]:
    """What people told the line to do and what became of it, newest first."""
    return await parts.store.read(Store.newest_commands, line_id, limit=limit, before=before)


@router.get("/commands/open", summary="Follow a line's commands", responses=errors(*_READ))
async def follow_commands(
    line_id: LineId,
    parts: Parts,
    after: Annotated[int, Query(ge=0, le=2**62, description="Highest `seq` already read.")] = 0,
    wait_s: Annotated[
        float, Query(ge=0, le=25, description="How long to wait where there is none yet.")
    ] = 0,
) -> OpenCommands:
    """For the line's controller: commands that may still act and have no result, oldest first."""
    began_s = time.monotonic()
    while True:
        ticket = parts.commanded.ticket()
        # What the reading takes counts as way back: by then the time of a command runs.
        waited_s = time.monotonic() - began_s
        found = await parts.store.read(Store.open_commands, line_id, after)
        if found or waited_s >= wait_s or parts.commanded.closed:
            return OpenCommands(waited_s=waited_s, commands=tuple(found))
        await parts.commanded.wait(ticket, wait_s - waited_s)


@router.post(
    "/commands/results",
    summary="Report what became of commands",
    responses=errors(ErrorCode.UNKNOWN_COMMAND, *_WRITE),
)
async def add_results(
    line_id: LineId,
    reported: Annotated[list[ResultReport], Body(min_length=1, max_length=500)],
    parts: Parts,
) -> ReportsReply:
    """Store 1 to 500 results; a command that has one keeps it."""
    try:
        accepted = await parts.store.write(Store.add_results, line_id, reported)
    except UnknownCommandError as error:
        raise ApiError(
            ErrorCode.UNKNOWN_COMMAND,
            f"{line_id} was given no command {error}",
            field="command_id",
        ) from error
    return ReportsReply(accepted=accepted, repeated=len(reported) - accepted)


@router.post("/alarms", summary="Report changes of alarms", responses=errors(*_WRITE))
async def add_alarms(
    request: Request,
    line_id: LineId,
    reported: Annotated[list[AlarmReport], Body(min_length=1, max_length=500)],
    caller: Caller,
    parts: Parts,
) -> ReportsReply:
    """Store 1 to 500 changes of alarms; one whose `alarm_id` and `revision` are known is left."""
    for alarm in reported:
        if alarm.line_id != line_id:
            raise ApiError(
                ErrorCode.INVALID_FIELD,
                f"line_id is {alarm.line_id} in the body and {line_id} in the address",
                field="line_id",
            )
    address, ids = address_of(request.scope), [each.alarm_id for each in reported]
    await parts.gate.require_own_ids(caller, ids, address, "alarm_id")
    try:
        accepted = await parts.store.write(Store.add_alarms, line_id, reported, caller.line_id)
    except OtherLinesError as error:
        what = f"alarm_id {error.report_id}"
        raise await parts.gate.other_line(
            caller, error.line_id, address, what, "alarm_id"
        ) from error
    return ReportsReply(accepted=accepted, repeated=len(reported) - accepted)


@router.get("/alarms", summary="History of a line's alarms", responses=errors(*_READ))
async def list_alarms(line_id: LineId, parts: Parts, limit: Limit = 50) -> list[Alarm]:
    """Changes of alarms as they came in, newest first."""
    return await parts.store.read(Store.newest_alarms, line_id, limit=limit)
