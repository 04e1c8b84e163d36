"""A PLC behind OPC UA.

asyncua reports failures as ``UaError``, ``OSError``, ``TimeoutError`` and bad status codes; all
become ``PlcError`` here and nowhere else. Events are asked for by number, since notifications do
not survive a reconnect. A command is called once on a connection and again on the next one, for as
long as it is in the host image: the PLC executes it once, by epoch and seq.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from asyncua import Client, ua

from sorter_control import tags
from sorter_control.errors import PlcError, SettingsError
from sorter_control.opcua import call_of, node_id, rows_of, variant
from sorter_control.protocol import (
    HostCommand,
    HostImage,
    HostWords,
    LaneGeometry,
    PlcImage,
    events_of,
    lanes_of,
    status_of,
)
from sorter_control.tags import Block, Method

TIMEOUT_S = 0.2
RECONNECT_S = 0.5
#: Every poll tells whether the PLC answers; asyncua's own probe would only give up earlier.
_WATCHDOG_S = 3600.0

_T = TypeVar("_T")
_CallKey = tuple[int, int, object]


@dataclass(slots=True)
class _Session:
    """One connection.

    Attributes:
        client: asyncua's client, connected.
        space: Index of our namespace on this server.
        geometry: Boot id of the PLC, and the positions that it published.
        called: What the PLC has answered on this connection: (epoch, PLC boot id, command).
    """

    client: Client
    space: int
    geometry: tuple[int, tuple[LaneGeometry, ...]] = (0, ())
    called: set[_CallKey] = field(default_factory=set)

    def nodes(self, block: Block) -> list[ua.NodeId]:
        return [node_id(block.node(each), self.space) for each in block.variables]


class OpcUaPlc:
    """One OPC UA session, made at the first use and again after every failure, tried every 0.5 s.

    Args:
        url: ``opc.tcp://host:port``, with ``user:password@`` where the PLC wants them.
        clock: Monotonic seconds.
        timeout_s: Longest time to wait for one answer.

    Raises:
        SettingsError: The URL is none of OPC UA.
    """

    def __init__(
        self,
        url: str,
        clock: Callable[[], float] = time.monotonic,
        *,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._url, self._clock, self._timeout_s = url, clock, timeout_s
        parts = Client(url).server_url
        if parts.scheme != "opc.tcp" or not parts.hostname or not parts.port:
            raise SettingsError(f"{url}: give opc.tcp://HOST:PORT, for example opc.tcp://plc:4840")
        self._name = f"{parts.hostname}:{parts.port}"
        self._session: _Session | None = None
        self._tried_s = float("-inf")
        self._event_ack = 0
        self._lock = asyncio.Lock()

    async def read(self) -> PlcImage:
        """See ``Plc``.

        Raises:
            MapError: The PLC has another version of the table of tags.
            PlcError: No answer, or an error.
        """
        async with self._lock:
            session = await self._connected()
            values = await self._read(
                session, [*session.nodes(tags.STATUS), *session.nodes(tags.LANES)]
            )
            fields = tags.STATUS.variables
            names = [each.name for each in fields]
            status = status_of(dict(zip(names, values[: len(fields)], strict=True)))
            count = status.lane_count
            lanes = lanes_of(await self._rows(tags.LANES, values[len(fields) :], count))
            arguments = [variant(self._event_ack, tags.GET_EVENTS_SINCE.inputs[0].ua_type)]
            (columns,) = await self._call(session, [(tags.GET_EVENTS_SINCE, arguments)])
            events = events_of(rows_of(tags.GET_EVENTS_SINCE, columns), status.event_head)
            if session.geometry[0] != status.plc_boot_id:
                positions = await self._read(session, session.nodes(tags.GEOMETRY))
                rows = await self._rows(tags.GEOMETRY, positions, count)
                session.geometry = status.plc_boot_id, tuple(LaneGeometry(**row) for row in rows)
            return PlcImage(status, lanes, events, session.geometry[1])

    async def write(self, image: HostImage) -> None:
        """See ``Plc``.

        Raises:
            PlcError: No answer, or an error.
        """
        async with self._lock:
            session = await self._connected()
            await self._write_words(session, image.host)
            self._event_ack = image.host.event_ack
            keys = {_key(image.host, command): command for command in image.commands}
            calls = [
                call_of(command, image.host.host_boot_id)
                for key, command in keys.items()
                if key not in session.called
            ]
            wanted: set[_CallKey] = set(keys)
            if image.host.remap_request:
                remap_key = _key(image.host, ("remap", image.host.remap_request))
                wanted.add(remap_key)
                if remap_key not in session.called:
                    calls.append(_remap_call(image.host))
            if calls:
                await self._call(session, calls)
            session.called = wanted

    async def close(self) -> None:
        """See ``Plc``."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.client.disconnect()

    async def _rows(self, block: Block, columns: list[Any], count: int) -> list[dict[str, int]]:
        """One row for each lane; a PLC that is still starting may have fewer."""
        if any(column is None or len(column) < count for column in columns):
            raise await self._failure(f"arrays of {block.ua_object} for fewer than {count} lanes")
        return rows_of(block, columns)[:count]

    async def _connected(self) -> _Session:
        if self._session is not None:
            return self._session
        if self._clock() - self._tried_s < RECONNECT_S:
            raise PlcError(f"{self._name} is not connected")
        self._tried_s = self._clock()
        client = Client(self._url, timeout=self._timeout_s, watchdog_intervall=_WATCHDOG_S)
        try:
            await client.connect()
        except (ua.UaError, OSError, TimeoutError) as error:
            await _abandon(client)
            raise PlcError(
                f"PLC {self._name}: does not accept a connection: {_say(error)}"
            ) from error
        self._session = _Session(client, 0)
        array = await self._ask(client.get_namespace_array())
        if tags.NAMESPACE not in array:
            raise await self._failure(
                f"has no namespace {tags.NAMESPACE}: its application is not up yet, or it is no"
                " sorter of ours; asked again"
            )
        self._session.space = array.index(tags.NAMESPACE)
        return self._session

    async def _read(self, session: _Session, nodes: Sequence[ua.NodeId]) -> list[Any]:
        """Values of the nodes, as they are in the table: numbers, or arrays of them."""
        replies = await self._ask(
            session.client.uaclient.read_attributes(list(nodes), ua.AttributeIds.Value)
        )
        for node, reply in zip(nodes, replies, strict=True):
            await self._check(f"variable {node.to_string()}", reply.StatusCode)
        return [reply.Value.Value for reply in replies if reply.Value is not None]

    async def _write_words(self, session: _Session, words: HostWords) -> None:
        values = [
            ua.DataValue(variant(getattr(words, each.name), each.ua_type))
            for each in tags.HOST.variables
        ]
        nodes = session.nodes(tags.HOST)
        replies = await self._ask(session.client.uaclient.write_attributes(nodes, values))
        for node, reply in zip(nodes, replies, strict=True):
            await self._check(f"variable {node.to_string()}", reply)

    async def _call(
        self, session: _Session, calls: Sequence[tuple[Method, list[ua.Variant]]]
    ) -> list[list[list[int]]]:
        """Call methods in order; gives the arrays that each returns."""
        root = node_id(tags.ROOT, session.space)
        requests = [
            ua.CallMethodRequest(root, node_id(method.node, session.space), arguments)
            for method, arguments in calls
        ]
        replies = await self._ask(session.client.uaclient.call(requests))
        for (method, _), reply in zip(calls, replies, strict=True):
            await self._check(f"method {method.name}", reply.StatusCode)
        return [[each.Value or [] for each in reply.OutputArguments or []] for reply in replies]

    async def _check(self, what: str, status: ua.StatusCode | None) -> None:
        if status is None or status.is_good():
            return
        unknown = status.value in {
            ua.StatusCodes.BadNodeIdUnknown,
            ua.StatusCodes.BadNodeIdInvalid,
        }
        why = ": its application is not up yet, or has another table of tags; asked again"
        raise await self._failure(f"{what}: {status.name}{why if unknown else ''}")

    async def _ask(self, request: Awaitable[_T]) -> _T:
        try:
            return await request
        except (ua.UaError, OSError, TimeoutError) as error:
            raise await self._failure(_say(error)) from error

    async def _failure(self, problem: str) -> PlcError:
        """Drop the connection: after a failure nobody knows what of it was done."""
        if self._session is not None:
            session, self._session = self._session, None
            await _abandon(session.client)
        return PlcError(f"PLC {self._name}: {problem}")


def _key(words: HostWords, what: HostCommand | tuple[str, int]) -> _CallKey:
    return words.host_boot_id, words.plc_boot_id_seen, what


def _remap_call(words: HostWords) -> tuple[Method, list[ua.Variant]]:
    method = tags.REQUEST_REMAP
    row = {"epoch": words.host_boot_id, "remap_request": words.remap_request}
    return method, [variant(row[each.name], each.ua_type) for each in method.inputs]


async def _abandon(client: Client) -> None:
    """End a client without a word to the server, which may not hear it."""
    client.disconnect_socket()
    await client.disconnect()


def _say(error: Exception) -> str:
    return str(error) or ("No response" if isinstance(error, TimeoutError) else repr(error))
