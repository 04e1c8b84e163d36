"""Roles, and the one table that says which of them may call which address."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a caller is here for. No role contains another; the table below says who may do what."""

    LINE = "line"
    """The software of a line: has items graded, reports, and follows people's answers."""
    OPERATOR = "operator"
    """Answers where the model is not sure, and runs the line."""
    ENGINEER = "engineer"
    """Looks after models, and tries pictures."""
    ADMIN = "admin"
    """Looks after people and keys, and reads the audit log."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may call one address."""

    roles: frozenset[Role]
    public: bool = False
    """Also those who do not say who they are."""
    audited: bool = False
    """Each call is a privileged act: it is limited in rate, and recorded with its outcome."""
    background: bool = False
    """Pages ask this by themselves, so it does not keep a session alive."""


_ANY: Final = frozenset(Role)
_LINE: Final = frozenset({Role.LINE})
_PEOPLE: Final = frozenset({Role.OPERATOR, Role.ENGINEER, Role.ADMIN})
_GRADERS: Final = frozenset({Role.LINE, Role.ENGINEER, Role.ADMIN})
#: Who may change which model does what.
CHANGERS: Final = frozenset({Role.ENGINEER, Role.ADMIN})
_ADMIN: Final = frozenset({Role.ADMIN})
_PUBLIC: Final = Rule(_ANY, public=True)

_V2_MODEL: Final = ("/v2/models/{model_name}", "/v2/models/{model_name}/versions/{model_version}")

#: Every address, as ``METHOD path``; ``ANY path`` is a mounted folder. The application does not start
#: while one of its addresses is not here.
RULES: Final[dict[str, Rule]] = {
    "POST /v1/grade": Rule(_GRADERS),
    "POST /v1/grade/batch": Rule(_GRADERS),
    "GET /v1/items": Rule(_PEOPLE),
    "GET /v1/items/{item_id}": Rule(_PEOPLE),
    "POST /v1/items/{item_id}/overrides": Rule(_PEOPLE),
    "GET /v1/overrides": Rule(_ANY),
    "POST /v1/outcomes": Rule(_LINE),
    "GET /v1/outcomes": Rule(_PEOPLE),
    "GET /v1/summary": Rule(_PEOPLE),
    "GET /v1/images/{sha256}": Rule(_PEOPLE),
    "GET /v1/images/{sha256}/thumbnail": Rule(_PEOPLE, background=True),
    "GET /v1/lines": Rule(_ANY, background=True),
    "PUT /v1/lines/{line_id}/state": Rule(_LINE),
    "GET /v1/lines/{line_id}/state": Rule(_ANY),
    "GET /v1/lines/{line_id}/events": Rule(_ANY, background=True),
    # Its own record says who commanded what; and no limit of rate may stand before a Stop.
    "POST /v1/lines/{line_id}/commands": Rule(_PEOPLE),
    "GET /v1/lines/{line_id}/commands": Rule(_PEOPLE, background=True),
    "GET /v1/lines/{line_id}/commands/open": Rule(_LINE),
    "POST /v1/lines/{line_id}/commands/results": Rule(_LINE),
    "GET /v1/lines/{line_id}/alarms": Rule(_PEOPLE),
    "POST /v1/lines/{line_id}/alarms": Rule(_LINE),
    "GET /v1/models": Rule(_PEOPLE),
    "GET /v1/models/history": Rule(_PEOPLE),
    "GET /v1/models/comparison": Rule(_PEOPLE),
    "POST /v1/models": Rule(CHANGERS, audited=True),
    **{
        f"POST /v1/models/{verb}": Rule(CHANGERS, audited=True)
        for verb in ("tune", "promote", "rollback", "challenge", "shadow")
    },
    "GET /v1/audit": Rule(_ADMIN),
    "GET /v1/me": Rule(_ANY, background=True),
    "GET /health/live": _PUBLIC,
    "GET /health/ready": _PUBLIC,
    "GET /metrics": Rule(_ANY),
    "GET /v2": Rule(_ANY),
    "GET /v2/health/live": _PUBLIC,
    "GET /v2/health/ready": _PUBLIC,
    "GET /v2/models/stats": Rule(_ANY),
    "POST /v2/repository/index": Rule(_ANY),
    "POST /v2/repository/models/{model_name}/{action}": Rule(CHANGERS, audited=True),
    **{
        f"GET {model}{rest}": Rule(_ANY)
        for model in _V2_MODEL
        for rest in ("", "/ready", "/config", "/stats")
    },
    **{f"POST {model}/infer": Rule(_GRADERS) for model in _V2_MODEL},
    "GET /": _PUBLIC,
    "GET /login": _PUBLIC,
    "POST /login": _PUBLIC,
    "POST /logout": Rule(_ANY),
    "GET /docs": _PUBLIC,
    "GET /openapi.json": _PUBLIC,
    "HEAD /openapi.json": _PUBLIC,
    "ANY /static": _PUBLIC,
    "GET /line": Rule(_PEOPLE),
    "GET /line/recent": Rule(_PEOPLE, background=True),
    "GET /line/log": Rule(_PEOPLE),
    "GET /models": Rule(_PEOPLE),
    "GET /review": Rule(_PEOPLE),
    "GET /review/next": Rule(_PEOPLE, background=True),
    "GET /review/items/{item_id}": Rule(_PEOPLE),
    "GET /review/state": Rule(_PEOPLE, background=True),
    "GET /items/{item_id}": Rule(_PEOPLE),
    "GET /audit": Rule(_ADMIN),
}


def matrix() -> str:
    """The table as Markdown, as docs/security.md has it."""
    names = " | ".join(Role)
    rows = [f"| address | {names} | |", "|---|" + "---|" * (len(Role) + 1)]
    for address, rule in sorted(RULES.items(), key=lambda entry: entry[0].split(" ")[::-1]):
        if rule.public:
            marks = " | ".join("yes" for _ in Role)
            note = "anyone"
        else:
            marks = " | ".join("yes" if role in rule.roles else "-" for role in Role)
            note = "audited, limited" if rule.audited else ""
        rows.append(f"| `{address}` | {marks} | {note} |")
    return "\n".join(rows)
