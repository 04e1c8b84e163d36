"""Triggers that keep facts as they are."""

from __future__ import annotations


def guards(dialect: str, table: str) -> list[str]:
    """Statements after which the database refuses to change or delete a row of the table.

    In PostgreSQL they need the function of revision 0004.
    """
    if dialect == "postgresql":
        return [
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION regrade_append_only()"
        ]
    return [
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ]
