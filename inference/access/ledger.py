"""People, keys and sessions in the store. Each change and its act on record are one transaction."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, delete, func, select, update

from inference.access import audit
from inference.access.audit import Act
from inference.access.passwords import hash_password
from inference.access.people import OPEN_NAME, Known, Session, StoredToken, User
from inference.access.roles import Role
from inference.access.tables import sessions, tokens, users
from inference.access.tokens import Token, TokenKind
from inference.store import Store
from inference.store.rows import insert
from model.contract import Identifier

_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)
_NAME = re.compile(r"[^\W_](?:[\w.@ -]{0,62}[\w.@-])?")


class LedgerError(ValueError):
    """What was asked for cannot be done; the message says what to do."""


def load(store: Store, absolute: timedelta) -> Known:
    """All who may come in; sessions not older than ``absolute``."""
    oldest = datetime.now(UTC) - absolute
    with store.reading() as connection:
        people = connection.execute(select(users)).all()
        keys = connection.execute(select(tokens).where(tokens.c.revoked_at.is_(None))).all()
        open_sessions = connection.execute(
            select(sessions).where(sessions.c.created_at > oldest)
        ).all()
    return Known(
        users={
            row.name: User(row.name, Role(row.role), row.password, row.created_at, row.disabled_at)
            for row in people
        },
        tokens={
            row.token_id: StoredToken(
                row.token_id,
                TokenKind(row.kind),
                row.name,
                Role(row.role) if row.role else None,
                row.digest,
                row.created_at,
                row.line_id,
            )
            for row in keys
        },
        sessions={
            row.digest: Session(row.user_name, row.created_at, row.seen_at) for row in open_sessions
        },
    )


def add_user(store: Store, name: str, role: Role, password: str, by: str) -> None:
    """Add a person.

    Raises:
        LedgerError: The name is taken or is none.
        PasswordError: The password cannot be taken.
    """
    if role is Role.LINE:
        raise LedgerError("a line is no person: give it a key (regrade keys add)")
    hashed = hash_password(password, name)
    with store.writing() as connection:
        _require_free(connection, name)
        connection.execute(
            insert(connection, users).values(
                name=name, role=role, password=hashed, created_at=datetime.now(UTC)
            )
        )
        audit.add(connection, _by_hand(by, "add user", name, f"role {role}"))


def has_users(store: Store) -> bool:
    """Whether there is anybody."""
    with store.reading() as connection:
        return bool(connection.scalar(select(func.count()).select_from(users)))


def add_first_admin(store: Store, name: str, password: str) -> bool:
    """Add an administrator where there is nobody at all; False where there is somebody."""
    hashed = hash_password(password, name)
    with store.writing() as connection:
        if connection.scalar(select(func.count()).select_from(users)):
            return False
        connection.execute(
            insert(connection, users).values(
                name=name, role=Role.ADMIN, password=hashed, created_at=datetime.now(UTC)
            )
        )
        audit.add(connection, Act("regrade serve", "first start", "add user", name))
    return True


def set_password(store: Store, name: str, password: str, by: str) -> None:
    """Give a person another password, and end what was logged in with the old one.

    Raises:
        LedgerError: There is nobody of this name.
        PasswordError: The password cannot be taken.
    """
    hashed = hash_password(password, name)
    with store.writing() as connection:
        _change_user(connection, name, password=hashed)
        connection.execute(delete(sessions).where(sessions.c.user_name == name))
        audit.add(connection, _by_hand(by, "set password", name))


def renew_password(store: Store, name: str, before: str, hashed: str) -> None:
    """Keep the same password under another hash, unless it was changed meanwhile."""
    with store.writing() as connection:
        connection.execute(
            update(users)
            .where(users.c.name == name, users.c.password == before)
            .values(password=hashed)
        )


def set_role(store: Store, name: str, role: Role, by: str) -> None:
    """Give a person another role, at once.

    Raises:
        LedgerError: There is nobody of this name, or no administrator would be left.
    """
    if role is Role.LINE:
        raise LedgerError("a line is no person: give it a key (regrade keys add)")
    with store.writing() as connection:
        if role is not Role.ADMIN:
            _require_other_admin(connection, name)
        _change_user(connection, name, role=role)
        audit.add(connection, _by_hand(by, "set role", name, f"role {role}"))


def set_disabled(store: Store, name: str, by: str, *, disabled: bool) -> None:
    """Shut a person out, with sessions and badges, or let them in again.

    Raises:
        LedgerError: There is nobody of this name, or no administrator would be left.
    """
    now = datetime.now(UTC)
    with store.writing() as connection:
        if disabled:
            _require_other_admin(connection, name)
            connection.execute(delete(sessions).where(sessions.c.user_name == name))
            _revoke(connection, TokenKind.BADGE, name, now)
        _change_user(connection, name, disabled_at=now if disabled else None)
        audit.add(connection, _by_hand(by, "disable user" if disabled else "enable user", name))


def add_key(store: Store, name: str, role: Role, by: str, *, line_id: str | None = None) -> Token:
    """Make a key for a machine; the token is shown now and never again.

    Args:
        store: Keeps it.
        name: Of the machine.
        role: What it may do.
        by: Who makes it.
        line_id: The only line that it may speak for; None: any.

    Raises:
        LedgerError: The name is taken or is none, or a key of another role has a line.
    """
    if line_id is not None and role is not Role.LINE:
        raise LedgerError(f"only a line's key is of one line; leave --line out for role {role}")
    if line_id is not None and not _is_identifier(line_id):
        raise LedgerError(f"{line_id!r} is no name of a line; see `regrade sort --line-id`")
    token = Token.new_key()
    what = f"role {role}, id {token.token_id}" + (f", line {line_id}" if line_id else "")
    with store.writing() as connection:
        _require_free(connection, name)
        _add_token(connection, token, name, role, line_id)
        audit.add(connection, _by_hand(by, "add key", name, what))
    return token


def add_badge(store: Store, name: str, by: str) -> Token:
    """Make a badge for a person, in place of the one before.

    Raises:
        LedgerError: There is nobody of this name.
    """
    token = Token.new_badge()
    with store.writing() as connection:
        if connection.scalar(select(users.c.name).where(users.c.name == name)) is None:
            raise _nobody(name)
        _revoke(connection, TokenKind.BADGE, name, datetime.now(UTC))
        _add_token(connection, token, name, None)
        audit.add(connection, _by_hand(by, "add badge", name, f"id {token.token_id}"))
    return token


def revoke_key(store: Store, name: str, by: str) -> None:
    """Shut a machine out.

    Raises:
        LedgerError: There is no key of this name.
    """
    with store.writing() as connection:
        if not _revoke(connection, TokenKind.KEY, name, datetime.now(UTC)):
            raise LedgerError(f"no key is named {name!r}; regrade keys list shows them")
        audit.add(connection, _by_hand(by, "revoke key", name))


def begin_session(
    store: Store, digest: str, user: User, act: Act, ended: str | None, absolute: timedelta
) -> None:
    """Log somebody in, in place of the session before; sessions that are too old are deleted."""
    now = datetime.now(UTC)
    with store.writing() as connection:
        connection.execute(
            delete(sessions).where(
                (sessions.c.created_at <= now - absolute) | (sessions.c.digest == (ended or ""))
            )
        )
        connection.execute(
            insert(connection, sessions).values(
                digest=digest, user_name=user.name, created_at=now, seen_at=now
            )
        )
        audit.add(connection, act)


def end_session(store: Store, digest: str, act: Act) -> None:
    """Log somebody out."""
    with store.writing() as connection:
        connection.execute(delete(sessions).where(sessions.c.digest == digest))
        audit.add(connection, act)


def touch_sessions(store: Store, seen: Iterable[tuple[str, datetime]]) -> None:
    """Note when sessions were last used."""
    with store.writing() as connection:
        for digest, at in seen:
            connection.execute(
                update(sessions).where(sessions.c.digest == digest).values(seen_at=at)
            )


def _is_identifier(text: str) -> bool:
    try:
        _IDENTIFIER.validate_python(text)
    except ValidationError:
        return False
    return True


def _add_token(
    connection: Connection,
    token: Token,
    name: str,
    role: Role | None,
    line_id: str | None = None,
) -> None:
    connection.execute(
        insert(connection, tokens).values(
            token_id=token.token_id,
            kind=token.kind,
            name=name,
            role=role,
            digest=token.digest,
            created_at=datetime.now(UTC),
            line_id=line_id,
        )
    )


def _revoke(connection: Connection, kind: TokenKind, name: str, now: datetime) -> int:
    return connection.execute(
        update(tokens)
        .where(tokens.c.kind == kind, tokens.c.name == name, tokens.c.revoked_at.is_(None))
        .values(revoked_at=now)
    ).rowcount


def _change_user(connection: Connection, name: str, **values: Any) -> None:
    if not connection.execute(update(users).where(users.c.name == name).values(values)).rowcount:
        raise _nobody(name)


def _require_free(connection: Connection, name: str) -> None:
    """A name on record is one person or one machine."""
    if not _NAME.fullmatch(name) or name.lower() == OPEN_NAME:
        raise LedgerError(
            f"{name!r} cannot be a name: use up to 64 letters, digits, spaces and . @ _ -"
        )
    taken = connection.scalar(
        select(users.c.name).where(func.lower(users.c.name) == name.lower())
    ) or connection.scalar(
        select(tokens.c.name).where(
            func.lower(tokens.c.name) == name.lower(), tokens.c.revoked_at.is_(None)
        )
    )
    if taken:
        raise LedgerError(f"somebody is named {taken!r} already; choose another name")


def _require_other_admin(connection: Connection, name: str) -> None:
    others = connection.scalar(
        select(func.count())
        .select_from(users)
        .where(users.c.role == Role.ADMIN, users.c.disabled_at.is_(None), users.c.name != name)
    )
    if not others:
        raise LedgerError("no administrator would be left; add another one first")


def _nobody(name: str) -> LedgerError:
    return LedgerError(f"nobody is named {name!r}; regrade users list shows them")


def _by_hand(by: str, act: str, target: str, detail: str = "") -> Act:
    return Act(actor=by, origin="command line", act=act, target=target, detail=detail)
