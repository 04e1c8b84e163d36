"""Reference of a configuration's keys, made from the dataclasses: `python -m training.reference`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from training.config import TrainingConfig

Schema = Mapping[str, Any]


def reference() -> str:
    """Markdown: a table of keys, values and defaults for each table of the file."""
    schema = TypeAdapter(TrainingConfig).json_schema()
    return "\n".join(_section("top level", schema, schema["$defs"])).strip() + "\n"


def _section(name: str, table: Schema, definitions: Schema) -> Iterator[str]:
    yield f"### {name}"
    yield ""
    yield from (table.get("description", ""), "", "| key | value | default | what it is |")
    yield "|---|---|---|---|"
    inner = []
    for key, entry in table["properties"].items():
        other = _table_of(entry, definitions)
        if other is None:
            yield _row(key, entry, required=key in table.get("required", ()))
        else:
            inner.append((key, other))
    yield ""
    path = "" if name == "top level" else f"{name.strip('[]')}."
    for key, other in inner:
        title = (
            f"[[{key}]]" if table["properties"][key].get("type") == "array" else f"[{path}{key}]"
        )
        yield from _section(title, other, definitions)


def _row(key: str, entry: Schema, *, required: bool) -> str:
    default = "required" if required else _shown(entry.get("default"))
    description = " ".join(entry.get("description", "").split()).replace("|", "\\|")
    return f"| `{key}` | {_values(entry)} | {default} | {description} |"


def _shown(default: Any) -> str:
    return "-" if default is None else f"`{json.dumps(default)}`"


def _values(entry: Schema) -> str:
    """What may stand there, in words."""
    if "enum" in entry:
        return ", ".join(f"`{value}`" for value in entry["enum"])
    kinds = [option for option in entry.get("anyOf", [entry]) if option.get("type") != "null"]
    kind = kinds[0]
    name = {"string": "text", "integer": "whole number", "number": "number", "array": "list"}
    word = "path" if kind.get("format") == "path" else name[kind["type"]]
    low, high = kind.get("minimum"), kind.get("maximum")
    above, below = kind.get("exclusiveMinimum"), kind.get("exclusiveMaximum")
    bounds = [
        *(f"{sign} {bound:g}" for sign, bound in ((">=", low), (">", above)) if bound is not None),
        *(f"{sign} {bound:g}" for sign, bound in (("<=", high), ("<", below)) if bound is not None),
    ]
    if "multipleOf" in kind:
        bounds.append(f"a multiple of {kind['multipleOf']}")
    return f"{word} {', '.join(bounds)}".strip()


def _table_of(entry: Schema, definitions: Schema) -> Schema | None:
    """The table that the entry refers to, if it is one."""
    options = entry.get("anyOf", [entry.get("items", entry)])
    for option in options:
        if "$ref" in option:
            table: Schema = definitions[option["$ref"].rpartition("/")[2]]
            return table
    return None


if __name__ == "__main__":
    print(reference(), end="")  # noqa: T201  (its output)
