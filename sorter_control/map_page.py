"""Writes docs/modbus-map.md from the tag table: ``python -m sorter_control.map_page > FILE``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from enum import IntEnum

from sorter_control import packml, tags
from sorter_control.protocol import EventType, Op, Reason
from sorter_control.tags import Area, Block

_INTRODUCTION = f"""\
# The Modbus map

Written by `python -m sorter_control.map_page` from `sorter_control/tags.py`; a test compares them.

Modbus TCP, unit {tags.UNIT}, version {tags.MAP_VERSION} of the map. Addresses are zero-based, registers have 16 bits, a U32
has its high word first. Input registers (function code 4) are written by the PLC, holding
registers (function codes 3, 6, 16) by the host. How the two use them: [sorter.md](sorter.md).
"""

_CODES: tuple[tuple[str, type[IntEnum]], ...] = (
    ("Event types", EventType),
    ("Operations of commands", Op),
    ("Reasons", Reason),
    ("PackML states", packml.State),
    ("PackML commands", packml.Command),
    ("PackML modes", packml.Mode),
)


def page() -> str:
    """The page as Markdown."""
    return "\n".join([_INTRODUCTION, *_blocks(), *_codes()])


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
    sys.stdout.write(page())
