"""What FastAPI cannot say of ``/v2`` by itself, because its bodies are read raw. Pure."""

from __future__ import annotations

from typing import Any, Final

from inference.schemas import add_schema, reference_to
from inference.v2.documents import InferenceError
from inference.v2.errors import is_v2
from inference.v2.messages import InferRequest

REQUEST: Final = reference_to(InferRequest)


def complete(document: dict[str, Any]) -> None:
    """Add the schemas of requests and errors; take out the replies that FastAPI puts in and nobody gets."""
    add_schema(document, InferRequest)
    add_schema(document, InferenceError)
    for path, methods in document["paths"].items():
        if is_v2(path):
            for operation in methods.values():
                operation["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
