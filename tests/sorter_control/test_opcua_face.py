"""The OPC UA nodes as a stranger's client finds them, from docs/opcua.md alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Client, Node, ua

from sorter_control import tags
from sorter_control.packml import Command, State
from sorter_control.protocol import EventType
from tests.sorter_control.conftest import MakeStand
from tests.sorter_control.stands import PATIENCE_S, OpcUaFace, Stand

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

HOST = 77


class Stranger:
    """A client that knows the names of docs/opcua.md and nothing of this program."""

    def __init__(self, client: Client, space: int) -> None:
        self.client, self.space = client, space

    def node(self, path: str) -> Node:
        return self.client.get_node(f"ns={self.space};s=Sorter1.{path}")

    async def event_types(self, *names: str) -> list[Node]:
        base = self.client.nodes.base_event_type
        return [await base.get_child(ua.QualifiedName(name, self.space)) for name in names]

    async def read(self, path: str) -> Any:
        return await self.node(path).read_value()

    async def write(
        self, path: str, value: int, kind: ua.VariantType = ua.VariantType.UInt16
    ) -> None:
        await self.node(path).write_value(ua.DataValue(ua.Variant(value, kind)))

    async def call(self, method: str, *arguments: tuple[Any, str]) -> Any:
        typed = [ua.Variant(value, ua.VariantType[kind]) for value, kind in arguments]
        root = self.client.get_node(f"ns={self.space};s=Sorter1")
        return await root.call_method(self.node(method).nodeid, *typed)


@pytest_asyncio.fixture(loop_scope="session")
async def stand(make_stand: MakeStand) -> Stand:
    return await make_stand("opcua")


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(stand: Stand, opcua_face: OpcUaFace) -> AsyncIterator[Stranger]:
    async with Client(
        f"opc.tcp://127.0.0.1:{await opcua_face.port()}", timeout=PATIENCE_S
    ) as client:
        yield Stranger(client, await client.get_namespace_index("urn:regrade:sorter"))


async def test_a_strangers_client_sorts_an_item_with_the_documented_nodes(
    stand: Stand, stranger: Stranger
) -> None:
    """Heartbeat, announcement, assignment, confirmation, acknowledgement."""
    stand.run(2.5)
    assert await stranger.read("PackML.Status.StateCurrent") == 6, "Execute"
    assert await stranger.read("PackML.Status.LaneCount") == 5
    seqs, kinds, tids, *_ = await stranger.call("GetEventsSince", (0, "UInt16"))
    assert (seqs, kinds) == ([1], [1])
    boot = await stranger.read("PackML.Status.PlcBootId")
    await stranger.write("PackML.Command.HostBootId", HOST)
    await stranger.write("PackML.Command.PlcBootIdSeen", boot)
    await stranger.write("PackML.Command.EventAck", 1)
    assign = ((HOST, "UInt16"), (1, "UInt16"), (tids[0], "UInt32"), (2, "UInt16"))
    for _ in range(2):
        await stranger.call("AssignDestination", *assign)
        stand.run(0.02)
    assert await stranger.read("PackML.Status.CommandAckSeq") == 1
    stand.run(12.0)
    _, kinds, of, lanes, *_ = await stranger.call("GetEventsSince", (1, "UInt16"))
    mine = [
        (kind, lane) for kind, tid, lane in zip(kinds, of, lanes, strict=True) if tid == tids[0]
    ]
    assert mine == [(3, 2), (5, 2)], "acknowledged, then seen in lane 2"
    assert await stranger.read("Lanes.Lane02.Count") == 1
    assert (await stranger.read("Lanes.Count"))[1] == 1


async def test_every_node_of_the_table_is_found_by_browsing(stranger: Stranger) -> None:
    for block in tags.BLOCKS:
        for field in block.variables if block.ua_object else ():
            path = block.node(field).split(".")
            node = await stranger.client.nodes.objects.get_child(
                [ua.QualifiedName(name, stranger.space) for name in path]
            )
            assert await node.read_data_type() == ua.NodeId(getattr(ua.ObjectIds, field.ua_type))
            assert (await node.read_description()).Text == field.about
            writable = ua.AccessLevel.CurrentWrite in await node.get_access_level()
            assert writable is (block.area is tags.Area.HOLDING)
    for method in tags.METHODS:
        given = await stranger.node(f"{method.name}").get_child(ua.QualifiedName("InputArguments"))
        assert [each.Name for each in await given.read_value()] == [
            each.ua_name for each in method.inputs
        ]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (((HOST, "UInt16"), (1, "UInt16")), "BadArgumentsMissing"),
        ([(1, "UInt16")] * 5, "BadTooManyArguments"),
        (
            ((HOST, "Int64"), (1, "UInt16"), (1, "UInt32"), (1, "UInt16")),
            "BadInvalidArgument",
        ),
        (
            ((HOST + 1, "UInt16"), (1, "UInt16"), (1, "UInt32"), (1, "UInt16")),
            "BadInvalidState",
        ),
        (
            ((HOST, "UInt16"), (65529, "UInt16"), (1, "UInt32"), (1, "UInt16")),
            "BadOutOfRange",
        ),
    ],
)
async def test_a_call_that_makes_no_sense_is_refused(
    stand: Stand, stranger: Stranger, arguments: Any, status: str
) -> None:
    await stranger.write("PackML.Command.HostBootId", HOST)
    before = stand.machine.host
    with pytest.raises(ua.UaStatusCodeError, match=status):
        await stranger.call("AssignDestination", *arguments)
    assert stand.machine.host is before


async def test_a_value_of_another_type_and_a_read_only_variable_are_refused(
    stranger: Stranger,
) -> None:
    with pytest.raises(ua.UaStatusCodeError, match="BadTypeMismatch"):
        await stranger.write("PackML.Command.EventAck", 1, ua.VariantType.Int64)
    with pytest.raises(ua.UaStatusCodeError, match=r"Bad(UserAccessDenied|NotWritable)"):
        await stranger.write("PackML.Status.StateCurrent", 6)


async def test_parameters_can_be_written_in_stopped_only(stand: Stand, stranger: Stranger) -> None:
    stand.machine.panel.clear()
    assert stand.machine.plc.packml is State.STOPPED
    await stranger.write("PackML.Admin.HostTimeoutMs", 1500)
    assert stand.machine.plc.host_timeout_s == 1.5
    with pytest.raises(ua.UaStatusCodeError, match="BadOutOfRange"):
        await stranger.write("PackML.Admin.DefaultLane", 9)
    stand.machine.press(Command.RESET, Command.START)
    stand.run(0.05)
    with pytest.raises(ua.UaStatusCodeError, match="BadInvalidState"):
        await stranger.write("PackML.Admin.HostTimeoutMs", 1000)
    assert stand.machine.plc.host_timeout_s == 1.5
    assert await stranger.read("PackML.Admin.HostTimeoutMs") == 1500


class Subscriber:
    """Collects what a subscription brings."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Any] = asyncio.Queue()
        self.values: asyncio.Queue[Any] = asyncio.Queue()

    def event_notification(self, event: Any) -> None:
        self.events.put_nowait(event)

    def datachange_notification(self, _node: Node, value: Any, _data: Any) -> None:
        self.values.put_nowait(value)


async def test_subscribers_hear_of_values_and_of_each_event_once(
    stand: Stand, stranger: Stranger, opcua_face: OpcUaFace
) -> None:
    await opcua_face.publish()
    heard = Subscriber()
    subscription = await stranger.client.create_subscription(20, heard)
    kinds = await stranger.event_types(*(kind.notification for kind in EventType))
    sorter = stranger.client.get_node(f"ns={stranger.space};s=Sorter1")
    await subscription.subscribe_events(sorter, kinds)
    await subscription.subscribe_data_change(stranger.node("PackML.Status.InFlight"))
    assert await heard.values.get() == 0
    stand.run(2.5)
    for _ in range(3):
        await opcua_face.publish()
    event = await heard.events.get()
    (announced,) = stand.machine.plc.ring
    assert (event.Seq, event.Tid, event.Aux) == (announced.seq, announced.tid, announced.aux)
    kind = await stranger.client.get_node(event.EventType).read_browse_name()
    assert kind.Name == EventType.ANNOUNCE.notification
    assert await heard.values.get() == 1
    assert heard.events.empty()
    await subscription.delete()


async def test_the_vision_system_tells_when_a_result_is_taken(
    stand: Stand, stranger: Stranger, opcua_face: OpcUaFace
) -> None:
    await opcua_face.publish()
    heard = Subscriber()
    subscription = await stranger.client.create_subscription(20, heard)
    kinds = await stranger.event_types("ResultReadyEventType")
    await subscription.subscribe_events(stranger.node("VisionSystem"), kinds)
    stand.run(2.5)
    (announced,) = stand.machine.plc.ring
    await stranger.write("PackML.Command.HostBootId", HOST)
    await stranger.write("PackML.Command.PlcBootIdSeen", stand.machine.plc.boot_id)
    stand.run(0.02)

    async def state() -> str:
        machine = "VisionSystem.VisionStateMachine"
        outer = (await stranger.read(f"{machine}.CurrentState")).Text
        inner = (await stranger.read(f"{machine}.AutomaticModeStateMachine.CurrentState")).Text
        return f"{outer} {inner}"

    await stranger.write("PackML.Command.HostHeartbeat", 1)
    stand.run(0.02)
    assert await state() == "Operational Executing"
    arguments = ((HOST, "UInt16"), (1, "UInt16"), (announced.tid, "UInt32"), (4, "UInt16"))
    await stranger.call("AssignDestination", *arguments)
    stand.run(0.02)
    assert await state() == "Operational Ready"
    result = await heard.events.get()
    assert (result.PartId, result.ResultId, result.Lane) == (str(announced.tid), "1", 4)
    await subscription.delete()
