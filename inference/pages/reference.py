"""Reads an OpenAPI document into the rows that the reference page shows: pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_METHODS = ("get", "put", "post", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter, or a field of a body or schema."""

    name: str
    place: str
    """``path``, ``query``, ``header``, ``form`` or ``field``."""
    kind: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Reply:
    """One status that an operation answers with."""

    status: str
    description: str
    schema: str | None
    """Name of the body's schema."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address."""

    method: str
    path: str
    tag: str
    anchor: str
    summary: str
    description: str
    parameters: tuple[Parameter, ...]
    body: str | None
    """Name or kind of the JSON body."""
    example: str | None
    """JSON of a request body."""
    replies: tuple[Reply, ...]


@dataclass(frozen=True, slots=True)
class SchemaTable:
    """A named schema: an object's fields, or the words of an enum."""

    name: str
    description: str
    fields: tuple[Parameter, ...]
    words: tuple[str, ...]


def operations(document: dict[str, Any]) -> tuple[Operation, ...]:
    """Every operation, in the document's order."""
    return tuple(
        _operation(method, path, item[method], document)
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
    )


def schemas(document: dict[str, Any]) -> tuple[SchemaTable, ...]:
    """Every named schema, by name."""
    return tuple(
        SchemaTable(
            name=name,
            description=schema.get("description", ""),
            fields=tuple(_fields(schema, "field")),
            words=tuple(str(word) for word in schema.get("enum", ())),
        )
        for name, schema in sorted(document["components"]["schemas"].items())
        if name not in ("HTTPValidationError", "ValidationError")
    )


def kind_of(schema: dict[str, Any]) -> str:
    """A schema in words: ``list of Damage``, ``string or null``."""
    match schema:
        case {"$ref": str(ref)}:
            words = ref.rsplit("/", 1)[-1]
        case {"anyOf": union} | {"oneOf": union}:
            words = " or ".join(dict.fromkeys(kind_of(each) for each in union))
        case {"type": "array"}:
            words = f"list of {kind_of(schema.get('items', {}))}"
        case {"type": "object", "additionalProperties": dict(values)}:
            words = f"map to {kind_of(values)}"
        case {"enum": options}:
            words = " or ".join(f'"{option}"' for option in options)
        case {"const": constant}:
            words = json.dumps(constant)
        case _:
            words = str(schema.get("format") or schema.get("type") or "any")
    return words


def _operation(method: str, path: str, raw: dict[str, Any], document: dict[str, Any]) -> Operation:
    content = raw.get("requestBody", {}).get("content", {})
    form = content.get("multipart/form-data", {}).get("schema")
    body = content.get("application/json", {}).get("schema")
    parameters = [
        Parameter(
            each["name"],
            each["in"],
            kind_of(each["schema"]),
            each.get("required", False),
            each.get("description", ""),
        )
        for each in raw.get("parameters", ())
    ]
    if form:
        parameters += _fields(form, "form")
    return Operation(
        method=method.upper(),
        path=path,
        tag=raw["tags"][0],
        anchor=raw["operationId"],
        summary=raw["summary"],
        description=raw.get("description", ""),
        parameters=tuple(parameters),
        body=kind_of(body) if body else None,
        example=_example(body, document) if body else None,
        replies=tuple(_reply(status, reply) for status, reply in sorted(raw["responses"].items())),
    )


def _reply(status: str, raw: dict[str, Any]) -> Reply:
    content = raw.get("content", {}).get("application/json", {}).get("schema")
    return Reply(status, raw.get("description", ""), kind_of(content) if content else None)


def _fields(schema: dict[str, Any], place: str) -> Iterator[Parameter]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        yield Parameter(name, place, kind_of(field), name in required, field.get("description", ""))


def _example(body: dict[str, Any], document: dict[str, Any]) -> str | None:
    schema = document["components"]["schemas"].get(kind_of(body), body)
    example = schema.get("example")
    return json.dumps(example, indent=2) if example is not None else None
