"""Schemas that an OpenAPI document names and FastAPI does not put there by itself. Pure."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

_TEMPLATE: Final = "#/components/schemas/{model}"


def reference_to(model: type[BaseModel]) -> dict[str, str]:
    """A schema that is a reference."""
    return {"$ref": _TEMPLATE.format(model=model.__name__)}


def add_schema(document: dict[str, Any], model: type[BaseModel]) -> None:
    """Put a model, and those that it is made of, where references find them."""
    schema = model.model_json_schema(ref_template=_TEMPLATE)
    document["components"]["schemas"].update(schema.pop("$defs", {}), **{model.__name__: schema})
