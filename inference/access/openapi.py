"""What OpenAPI says of access: made from the table of roles. Pure."""

from __future__ import annotations

from typing import Any, Final

from inference.access.gate import KEY_HEADER
from inference.access.roles import RULES
from inference.errors import ErrorCode

_SCHEMES: Final = {
    "key": {"type": "apiKey", "in": "header", "name": KEY_HEADER},
    "bearer": {"type": "http", "scheme": "bearer"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "regrade_session_8000",
        "description": "The cookie of `/login`; its name ends with the server's port.",
    },
}
_REFUSALS: Final = ("401", "429")


def complete(document: dict[str, Any]) -> None:
    """Say of each operation who may call it; take the refusals from those that refuse nobody."""
    document["components"]["securitySchemes"] = _SCHEMES
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            rule = RULES[f"{method.upper()} {path}"]
            if not rule.public:
                operation["security"] = [{name: []} for name in _SCHEMES]
                roles = ", ".join(f"`{role}`" for role in sorted(rule.roles))
                operation["description"] += f"\n\nRoles: {roles}."
                continue
            operation["security"] = []
            for status in _REFUSALS:
                del operation["responses"][status]
            if ErrorCode.CROSS_SITE_REQUEST not in operation["responses"]["403"]["description"]:
                del operation["responses"]["403"]
