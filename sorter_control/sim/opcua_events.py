"""Notifications of the simulated PLC's OPC UA face: events, and the vision system's state.

For people's screens and loggers. Controllers ask with ``GetEventsSince``: notifications that are
sent while a connection is down are gone.
"""

from __future__ import annotations

from asyncua import Node, Server, ua
from asyncua.server.event_generator import EventGenerator

from sorter_control import tags
from sorter_control.opcua import node_id
from sorter_control.protocol import Event, EventType, Status, event_row
from sorter_control.sequence import EVENT_NUMBERS
from sorter_control.sim.machine import Machine
from sorter_control.sim.vision import vision_state

VISION = f"{tags.ROOT}.VisionSystem"
RESULT_READY = "ResultReadyEventType"
_STATES = ("VisionStateMachine", "AutomaticModeStateMachine")
#: Fields of the table that a notification carries; its type is the event type itself.
EVENT_FIELDS = tuple(
    field for field in tags.EVENTS.fields if field.name not in {"type", "seq_copy"}
)


class Notifier:
    """Tells subscribers of events as they enter the ring.

    Args:
        server: asyncua's, before it listens.
        space: Index of our namespace.
        root: The sorter's object, from which the events come.
    """

    def __init__(self, server: Server, space: int, root: Node) -> None:
        self._server, self._space, self._root = server, space, root
        self._generators: dict[EventType, EventGenerator] = {}
        self._result_ready: EventGenerator | None = None
        self._states: list[Node] = []
        self._shown: list[str] = []
        self._head = 0

    async def build(self) -> None:
        """Make the event types and the vision system."""
        fields = [(field.ua_name, ua.VariantType[field.ua_type]) for field in EVENT_FIELDS]
        for kind in EventType:
            self._generators[kind] = await self._generator(kind.notification, self._root, fields)
        above = await self._root.add_object(*self._identity(VISION, "VisionSystem"))
        vision, path = above, VISION
        for name in _STATES:
            path = f"{path}.{name}"
            above = await above.add_object(*self._identity(path, name))
            state = await above.add_variable(
                *self._identity(f"{path}.CurrentState", "CurrentState"), ua.LocalizedText("")
            )
            self._states.append(state)
        results = [
            ("PartId", ua.VariantType.String),
            ("ResultId", ua.VariantType.String),
            ("Lane", ua.VariantType.UInt16),
        ]
        self._result_ready = await self._generator(RESULT_READY, vision, results)

    async def publish(self, machine: Machine, status: Status) -> None:
        """Show the vision system's state, and send each event of the ring that is new."""
        waiting = any(not track.lane for track in machine.plc.tracks)
        shown = [state or "" for state in vision_state(status, waiting=waiting)]
        if shown != self._shown:
            self._shown = shown
            for node, text in zip(self._states, shown, strict=True):
                await node.write_value(ua.LocalizedText(text))
        head, self._head = self._head, machine.plc.event_head
        for event in list(machine.plc.ring):
            if not head or EVENT_NUMBERS.steps(head, event.seq) > 0:
                await self._send(event)

    async def _send(self, event: Event) -> None:
        row = event_row(event)
        generator = self._generators[event.type]
        for field in EVENT_FIELDS:
            setattr(generator.event, field.ua_name, row[field.name])
        await generator.trigger(message=event.type.name)
        if event.type is EventType.ASSIGN_ACK and self._result_ready is not None:
            result = self._result_ready.event
            result.PartId, result.ResultId, result.Lane = str(event.tid), str(event.aux), event.lane
            await self._result_ready.trigger(message=f"Item {event.tid} goes to lane {event.lane}")

    async def _generator(
        self, name: str, source: Node, fields: list[tuple[str, ua.VariantType]]
    ) -> EventGenerator:
        kind = await self._server.create_custom_event_type(self._space, name, properties=fields)
        return await self._server.get_event_generator(kind.nodeid, source.nodeid)

    def _identity(self, identifier: str, name: str) -> tuple[ua.NodeId, ua.QualifiedName]:
        return node_id(identifier, self._space), ua.QualifiedName(name, self._space)
