"""Writes docs/modbus-map.md and docs/opcua.md from the tag table.

``python -m sorter_control.map_page modbus > docs/modbus-map.md``, and ``opcua`` in its place.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from enum import IntEnum

from sorter_control import packml, tags
from sorter_control.protocol import EventType, Op, Reason
from sorter_control.sim.vision import AutomaticMode, VisionState
from sorter_control.tags import Area, Block

_MODBUS = f"""\
# The Modbus map

Written by `python -m sorter_control.map_page modbus` from `sorter_control/tags.py`; a test compares them.

Modbus TCP, unit {tags.UNIT}, version {tags.MAP_VERSION} of the map. Addresses are zero-based, registers have 16 bits, a U32
has its high word first. Input registers (function code 4) are written by the PLC, holding
registers (function codes 3, 6, 16) by the host. How the two use them: [sorter.md](sorter.md).
"""

_OPCUA = f"""\
# The OPC UA nodes

Written by `python -m sorter_control.map_page opcua` from `sorter_control/tags.py`; a test compares them.

Version {tags.MAP_VERSION} of the table. Namespace `{tags.NAMESPACE}`; node ids are strings in it, and the same as the path
below `Objects`: `ns=N;s={tags.STATUS.node(tags.STATUS.fields[3])}`. Names and meanings are those of [the Modbus map](modbus-map.md); how host and PLC use
them: [sorter.md](sorter.md). `regrade plc --opcua-port 4840` serves all of it, without security, on 127.0.0.1.

A controller (`regrade sort --plc opc.tcp://HOST:PORT`) polls: one Read of `PackML.Status` and of the arrays in `Lanes`, one
`GetEventsSince`, one Write of `PackML.Command`, and a call for each command that is new. A PLC needs no more than that. Every
value is written with the variable's own type; a PLC may refuse any other. All of `PackML.Command` is written with one request.
"""

_OPCUA_NOTES = """\
A command's answer is not the method's: the method says Good once the command is in the PLC's ring, and ASSIGN_ACK or ASSIGN_NAK
says what became of it. A call may be repeated: `Epoch` and `Seq` name the command, which is executed once. A call with the
epoch of an earlier run is refused with BadInvalidState.

An entry of `GetEventsSince` whose `Seq` and `SeqCopy` differ is half written: the controller leaves it and what follows for the
next poll. Events are gone once `EventAck` of `PackML.Command` names them, not when they have been asked for.
"""

_OPCUA_EVENTS = """\
## Notifications

For screens and loggers, which subscribe to events of `Sorter1`. What is sent while a connection is down is gone, so a
controller asks with `GetEventsSince`. One type for each kind of event, with the fields of an entry:

"""

_VISION = """\
## Vision system

`Sorter1.VisionSystem` shows the controller's grading as the PLC sees it, in the states of OPC 40100-1; it has the shape of that
specification, and is no certified implementation of it. `VisionStateMachine.CurrentState` is one of {states}; in Operational
`VisionStateMachine.AutomaticModeStateMachine.CurrentState` is one of {modes}.
Halted is a state that a PLC cannot tell from Error. `ResultReadyEventType`, an event of `Sorter1.VisionSystem`, is sent when an
item's lane is taken: `PartId` is its tid, `ResultId` the command's seq, `Lane` the lane.
"""

_CODES: tuple[tuple[str, type[IntEnum]], ...] = (
    ("Event types", EventType),
    ("Operations of commands", Op),
    ("Reasons", Reason),
    ("PackML states", packml.State),
    ("PackML commands", packml.Command),
    ("PackML modes", packml.Mode),
)


def modbus_page() -> str:
    """docs/modbus-map.md as Markdown."""
    return "\n".join([_MODBUS, *_blocks(), *_codes()])


def opcua_page() -> str:
    """docs/opcua.md as Markdown."""
    return "\n".join([_OPCUA, *_objects(), *_methods(), *_notifications(), *_codes()])


def _objects() -> Iterator[str]:
    yield "## Variables\n"
    for block in tags.BLOCKS:
        if block.ua_object is None:
            continue
        access = "written by the host" if block.area is Area.HOLDING else "read only"
        yield f"### `{tags.ROOT}.{block.ua_object}`: {block.about} ({access})\n"
        if block.slots > 1:
            first = block.node(block.fields[0], 0)
            yield (
                f"Each is an array with one value for each lane, and for people also a variable of"
                f" each lane's own object: `{first}`.\n"
            )
        yield "| variable | type | meaning |\n|---|---|---|"
        for field in block.variables:
            array = "[]" if block.slots > 1 else ""
            yield f"| `{field.ua_name}` | {field.ua_type}{array} | {field.about} |"
        yield ""


def _methods() -> Iterator[str]:
    yield f"## Methods of `{tags.ROOT}`\n"
    for method in tags.METHODS:
        inputs = ", ".join(f"{each.ua_name}: {each.ua_type}" for each in method.inputs)
        yield f"### `{method.name}({inputs})`\n"
        yield f"{method.about}\n"
        for each in method.inputs:
            yield f"- `{each.ua_name}`: {each.about}"
        if method.outputs:
            outputs = ", ".join(f"`{each.ua_name}` {each.ua_type}[]" for each in method.outputs)
            yield f"\nReturns arrays of equal length, one entry for each event: {outputs}."
        yield ""
    yield _OPCUA_NOTES


def _notifications() -> Iterator[str]:
    listed = ", ".join(f"`{kind.notification}`" for kind in EventType)
    yield f"{_OPCUA_EVENTS}{listed}.\n"
    states, modes = (
        ", ".join(state.value for state in enum) for enum in (VisionState, AutomaticMode)
    )
    yield _VISION.format(states=states, modes=modes)


def _blocks() -> Iterator[str]:
    for area in Area:
        yield f"## {area.value.capitalize()} registers\n"
        for block in tags.BLOCKS:
            if block.area is area:
                yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    yield f"### {block.address} to {block.end - 1}: {block.about}\n"
    if block.slots > 1:
        yield (
            f"{block.slots} slots of {block.width} registers; slot n (from 0) begins at"
            f" {block.address} + {block.width} n.\n"
        )
    yield "| register | name | type | meaning |\n|---|---|---|---|"
    offset = 0
    for field in block.fields:
        at = f"{block.address + offset}" if block.slots == 1 else f"+{offset}"
        kind = "U32" if field.registers == 2 else "U16"
        yield f"| {at} | `{field.name}` | {kind} | {field.about} |"
        offset += field.registers
    yield ""


def _codes() -> Iterable[str]:
    yield "## Codes\n"
    for title, codes in _CODES:
        listed = ", ".join(f"{code.value} {code.name}" for code in codes)
        yield f"**{title}:** {listed}.\n"


if __name__ == "__main__":
    sys.stdout.write({"modbus": modbus_page, "opcua": opcua_page}[sys.argv[1]]())
