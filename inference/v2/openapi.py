"""What FastAPI cannot say of ``/v2`` by itself, because its bodies are read raw. Pure."""

from __future__ import annotations

from typing import Any, Final

from inference.v2.errors import is_v2
from inference.v2.messages import InferRequest

_TEMPLATE: Final = "#/components/schemas/{model}"
REQUEST: Final = {"$ref": _TEMPLATE.format(model=InferRequest.__name__)}


def complete(document: dict[str, Any]) -> None:
    """Add the schema of requests; take out the replies that FastAPI puts in and nobody gets."""
    schemas = document["components"]["schemas"]
    request = InferRequest.model_json_schema(ref_template=_TEMPLATE)
    schemas.update(request.pop("$defs", {}), InferRequest=request)
    for path, methods in document["paths"].items():
        if is_v2(path):
            for operation in methods.values():
                operation["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
