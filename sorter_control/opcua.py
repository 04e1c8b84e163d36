"""What the OPC UA driver and the simulated PLC's OPC UA face share: nodes, types and commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asyncua import ua

from sorter_control import tags
from sorter_control.protocol import HostCommand, Op
from sorter_control.tags import Block, Field, Method

_METHOD_OF: dict[Op, Method] = {
    Op[name]: method for method in tags.COMMAND_METHODS for name in method.ops
}


def node_id(identifier: str, space: int) -> ua.NodeId:
    """A node of ours; ``space`` is the index that the server gives ``tags.NAMESPACE``."""
    return ua.NodeId(identifier, space)  # type: ignore[arg-type]


def variant(value: object, ua_type: str) -> ua.Variant:
    """A typed value: PLCs refuse any other type than the variable's own."""
    return ua.Variant(value, ua.VariantType[ua_type])


def column(rows: Iterable[dict[str, int]], field: Field) -> ua.Variant:
    """A field of all slots as one typed array."""
    return ua.Variant(
        [row[field.name] for row in rows], ua.VariantType[field.ua_type], is_array=True
    )


def rows_of(
    block_or_method: Block | Method, columns: Sequence[Sequence[int]]
) -> list[dict[str, int]]:
    """Slots of the arrays of their fields; an array that is shorter cuts the others off."""
    fields = (
        block_or_method.variables if isinstance(block_or_method, Block) else block_or_method.outputs
    )
    names = [field.name for field in fields]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=False)]


def call_of(command: HostCommand, epoch: int) -> tuple[Method, list[ua.Variant]]:
    """The method that carries a command, and its arguments."""
    method = _METHOD_OF[command.op]
    values = {
        "epoch": epoch,
        "seq": command.seq,
        "tid": command.tid,
        "lane": command.lane,
        "enabled": method.ops.index(command.op.name) == 1,
    }
    return method, [variant(values[each.name], each.ua_type) for each in method.inputs]


def command_of(method: Method, arguments: dict[str, int]) -> HostCommand:
    """The command that a call of a method carries."""
    return HostCommand(
        arguments["seq"],
        Op[method.ops[arguments.get("enabled", 0)]],
        arguments.get("tid", 0),
        arguments.get("lane", 0),
    )
