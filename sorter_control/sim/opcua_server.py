"""The simulated PLC's OPC UA face, made from the tag table."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from asyncua import Node, Server, ua
from asyncua.common.callback import CallbackType, ServerItemCallback

from sorter_control import tags
from sorter_control.errors import SettingsError
from sorter_control.opcua import column, command_of, node_id, variant
from sorter_control.protocol import Event, HostCommand, HostImage, HostWords, event_row
from sorter_control.sequence import COMMAND_NUMBERS
from sorter_control.sim.machine import Machine
from sorter_control.sim.opcua_events import Notifier
from sorter_control.sim.parameters import are_writable, parameters_of, set_parameters
from sorter_control.sim.plc.commands import is_held_up
from sorter_control.tags import Block, Field, Method

_Row = dict[str, int]
_Handler = Callable[..., Coroutine[Any, Any, "ua.StatusCode | list[ua.Variant]"]]


class OpcUaServer:
    """Serves a machine's tags; runs in the event loop that also scans the machine.

    Args:
        machine: Gives the machine of the moment.
    """

    def __init__(self, machine: Callable[[], Machine]) -> None:
        self._machine = machine
        self._server = Server()
        self._space = 0
        self._words = HostWords()
        self._commands: dict[int, HostCommand] = {}
        self._published: dict[str, object] = {}
        self._host_fields: dict[ua.NodeId, Field] = {}
        self._parameter_fields: dict[ua.NodeId, Field] = {}
        self._notifier: Notifier | None = None

    async def start(self, host: str, port: int) -> int:
        """Build the nodes and listen; returns the port, which is a free one where 0 is asked for.

        Raises:
            SettingsError: The address cannot be used.
        """
        server = self._server
        server.name = "Regrade simulated sorter"
        await server.init()
        await server.set_application_uri("urn:regrade:plc")
        server.set_endpoint(f"opc.tcp://{host}:{port}")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        server.set_identity_tokens([ua.AnonymousIdentityToken])
        self._space = await server.register_namespace(tags.NAMESPACE)
        await self._build()
        server.subscribe_server_callback(CallbackType.PreRead, self._before_read)
        server.subscribe_server_callback(CallbackType.PreWrite, self._before_write)
        server.subscribe_server_callback(CallbackType.PostWrite, self._after_write)
        try:
            await server.start()
        except OSError as error:
            raise SettingsError(f"cannot listen on {host}:{port} for OPC UA: {error}") from error
        return server.bserver.port if server.bserver is not None else port

    async def stop(self) -> None:
        """Close every connection."""
        await self._server.stop()

    async def publish(self) -> None:
        """Bring variables up to date and notify of new events; to be called after every scan."""
        machine = self._machine()
        image = machine.image()
        for each in tags.STATUS.variables:
            await self._set(tags.STATUS.node(each), each, getattr(image.status, each.name))
        await self._publish_slots(tags.LANES, image.lanes)
        await self._publish_slots(tags.GEOMETRY, image.geometry)
        parameters = parameters_of(machine)
        for each in tags.PARAMETERS.variables:
            await self._set(tags.PARAMETERS.node(each), each, parameters[each.name])
        if self._notifier is not None:
            await self._notifier.publish(machine, image.status)

    async def _publish_slots(self, block: Block, slots: Sequence[object]) -> None:
        for each in block.variables:
            values = [getattr(slot, each.name) for slot in slots]
            if await self._set(block.node(each), each, values):
                for number, value in enumerate(values):
                    await self._set(block.node(each, number), each, value)

    async def _set(self, identifier: str, field: Field, value: int | list[int]) -> bool:
        """Whether the value is another than before."""
        if self._published.get(identifier) == value:
            return False
        self._published[identifier] = value
        typed = ua.DataValue(variant(value, field.ua_type))
        await self._server.write_attribute_value(node_id(identifier, self._space), typed)
        return True

    # Nodes --------------------------------------------------------------------------------

    async def _build(self) -> None:
        objects: dict[str, Node] = {}

        async def object_at(path: str) -> Node:
            if path not in objects:
                parent, _, name = path.rpartition(".")
                above = await object_at(parent) if parent else self._server.nodes.objects
                objects[path] = await above.add_object(*self._identity(path, name))
            return objects[path]

        root = await object_at(tags.ROOT)
        for block in tags.BLOCKS:
            if block.ua_object is not None:
                await self._build_block(block, object_at)
        for method in tags.METHODS:
            await root.add_method(
                *self._identity(method.node, method.name),
                self._handler(method),
                [_argument(each.ua_name, each.ua_type, each.about) for each in method.inputs],
                [
                    _argument(each.ua_name, each.ua_type, each.about, rank=1)
                    for each in method.outputs
                ],
            )
        self._notifier = Notifier(self._server, self._space, root)
        await self._notifier.build()
        await self.publish()

    async def _build_block(
        self, block: Block, object_at: Callable[[str], Coroutine[Any, Any, Node]]
    ) -> None:
        path = f"{tags.ROOT}.{block.ua_object}"
        above = await object_at(path)
        lanes = len(self._machine().belt.lanes) if block.slots > 1 else 0
        for each in block.variables:
            zero = column([], each) if lanes else variant(0, each.ua_type)
            node = await self._add(above, block.node(each), each, zero)
            if block is tags.HOST:
                self._host_fields[node.nodeid] = each
                await node.set_writable()
            elif block is tags.PARAMETERS:
                self._parameter_fields[node.nodeid] = each
                await node.set_writable()
            for slot in range(lanes):
                lane = await object_at(f"{path}.Lane{slot + 1:02d}")
                await self._add(lane, block.node(each, slot), each, variant(0, each.ua_type))

    async def _add(self, above: Node, identifier: str, field: Field, zero: ua.Variant) -> Node:
        node = await above.add_variable(*self._identity(identifier, field.ua_name), zero)
        text = ua.DataValue(ua.Variant(ua.LocalizedText(field.about)))
        await node.write_attribute(ua.AttributeIds.Description, text)
        return node

    def _identity(self, identifier: str, name: str) -> tuple[ua.NodeId, ua.QualifiedName]:
        return node_id(identifier, self._space), ua.QualifiedName(name, self._space)

    # What the host does -------------------------------------------------------------------

    async def _before_read(self, call: ServerItemCallback, _service: object) -> None:
        if call.is_external:
            await self.publish()

    async def _before_write(self, call: ServerItemCallback, _service: object) -> None:
        """Parameters can be written in Stopped only; values that make no sense never."""
        if not call.is_external:
            return
        parameters = self._named(call, self._parameter_fields)
        if not parameters:
            return
        machine = self._machine()
        if not are_writable(machine):
            raise ua.UaStatusCodeError(ua.StatusCodes.BadInvalidState)
        if not set_parameters(machine, parameters):
            raise ua.UaStatusCodeError(ua.StatusCodes.BadOutOfRange)

    async def _after_write(self, call: ServerItemCallback, _service: object) -> None:
        """What the host wrote with one request takes effect at once and as a whole."""
        if not call.is_external:
            return
        if written := self._named(call, self._host_fields):
            self._take_words(replace(self._words, **written))

    @staticmethod
    def _named(call: ServerItemCallback, fields: dict[ua.NodeId, Field]) -> _Row:
        """Values that a request writes (has written) to the fields."""
        writes = call.request_params.NodesToWrite
        results = call.response_params or [ua.StatusCode()] * len(writes)
        return {
            fields[write.NodeId].name: write.Value.Value.Value
            for write, result in zip(writes, results, strict=True)
            if write.NodeId in fields
            and write.AttributeId == ua.AttributeIds.Value
            and result.is_good()
            and _is_one(write.Value.Value, fields[write.NodeId].ua_type)
        }

    def _take_words(self, words: HostWords) -> None:
        if is_held_up(words, self._machine().plc):
            return
        before = self._words
        if (words.host_boot_id, words.plc_boot_id_seen) != (
            before.host_boot_id,
            before.plc_boot_id_seen,
        ):
            # The host numbers its commands anew.
            self._commands.clear()
            words = replace(words, remap_request=0)
        self._words = words
        self._machine().host = HostImage(words, tuple(self._commands.values()))

    def _handler(self, method: Method) -> _Handler:
        async def call(_parent: ua.NodeId, *given: ua.Variant) -> ua.StatusCode | list[ua.Variant]:
            if len(given) < len(method.inputs):
                return _status(ua.StatusCodes.BadArgumentsMissing)
            if len(given) > len(method.inputs):
                return _status(ua.StatusCodes.BadTooManyArguments)
            for each, value in zip(method.inputs, given, strict=True):
                if not _is_one(value, each.ua_type):
                    return _status(ua.StatusCodes.BadInvalidArgument)
            arguments = {
                each.name: value.Value for each, value in zip(method.inputs, given, strict=True)
            }
            return self._called(method, arguments)

        return call

    def _called(self, method: Method, arguments: _Row) -> ua.StatusCode | list[ua.Variant]:
        if method is tags.GET_EVENTS_SINCE:
            rows = [event_row(event) for event in self._events_since(arguments["seq"])]
            return [column(rows, each) for each in method.outputs]
        if arguments["epoch"] != self._words.host_boot_id:
            return _status(ua.StatusCodes.BadInvalidState)
        if method is tags.REQUEST_REMAP:
            self._take_words(replace(self._words, remap_request=arguments["remap_request"]))
            return []
        if not 1 <= arguments["seq"] <= COMMAND_NUMBERS.last:
            return _status(ua.StatusCodes.BadOutOfRange)
        command = command_of(method, arguments)
        self._commands[COMMAND_NUMBERS.slot(command.seq)] = command
        self._take_words(self._words)
        return []

    def _events_since(self, seq: int) -> list[Event]:
        events = list(self._machine().plc.ring)
        seqs = [event.seq for event in events]
        return events[seqs.index(seq) + 1 :] if seq in seqs else events


def _status(code: int) -> ua.StatusCode:
    return ua.StatusCode(ua.UInt32(code))


def _is_one(value: ua.Variant | None, ua_type: str) -> bool:
    """Whether it is a single value of this type."""
    return value is not None and value.VariantType is ua.VariantType[ua_type] and not value.is_array


def _argument(name: str, ua_type: str, about: str, *, rank: int = -1) -> ua.Argument:
    return ua.Argument(
        Name=name,
        DataType=ua.NodeId(getattr(ua.ObjectIds, ua_type)),
        ValueRank=rank,
        ArrayDimensions=[0] if rank == 1 else [],
        Description=ua.LocalizedText(about),
    )
