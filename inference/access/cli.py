"""``regrade users``, ``regrade keys`` and ``regrade audit``."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from inference.access.roles import Role

if TYPE_CHECKING:
    from inference.access.people import Known
    from inference.store import Store

DataOption = Annotated[
    Path | None,
    typer.Option(help="Directory for pictures and database; by default ~/.local/share/regrade."),
]
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store", envvar="REGRADE_STORE", help="e.g. postgresql://user@host/name, not SQLite."
    ),
]
_Name = Annotated[str, typer.Argument(help="Name of the person.")]
_KeyName = Annotated[str, typer.Argument(help="Name of the machine, e.g. line-1.")]
_Role = Annotated[Role, typer.Option(help="operator, engineer or admin.")]
_FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``regrade``."""
    users = typer.Typer(no_args_is_help=True, help="People who may log in.")
    for name, command in (
        ("add", add_user),
        ("list", list_users),
        ("passwd", set_password),
        ("role", set_role),
        ("badge", add_badge),
        ("disable", disable_user),
        ("enable", enable_user),
    ):
        users.command(name)(command)
    keys = typer.Typer(no_args_is_help=True, help="Keys of machines.")
    keys.command("add")(add_key)
    keys.command("list")(list_keys)
    keys.command("revoke")(revoke_key)
    app.add_typer(users, name="users")
    app.add_typer(keys, name="keys")
    app.command("audit")(audit)


def add_user(
    name: _Name,
    *,
    role: _Role = Role.OPERATOR,
    password_stdin: _FromStdin = False,
    data: DataOption = None,
    store_url: StoreOption = None,
) -> None:
    """Add a person; the password is asked for."""
    from inference.access import ledger

    with _opened(data, store_url) as store:
        ledger.add_user(store, name, role, _password(password_stdin), me())
    _say(f"{name} may log in as {role}")


def set_password(
    name: _Name,
    *,
    password_stdin: _FromStdin = False,
    data: DataOption = None,
    store_url: StoreOption = None,
) -> None:
    """Give a person another password; what was logged in with the old one ends."""
    from inference.access import ledger
    from inference.access.first_start import ADMIN, forget_first_password

    with _opened(data, store_url) as store:
        ledger.set_password(store, name, _password(password_stdin), me())
        if name == ADMIN:
            forget_first_password(data_dir_of(data))
    _say(f"{name} has another password")


def set_role(
    name: _Name,
    role: Annotated[Role, typer.Argument(help="operator, engineer or admin.")],
    data: DataOption = None,
    store_url: StoreOption = None,
) -> None:
    """Give a person another role, at once."""
    from inference.access import ledger

    with _opened(data, store_url) as store:
        ledger.set_role(store, name, role, me())
    _say(f"{name} is {role} now")


def add_badge(name: _Name, data: DataOption = None, store_url: StoreOption = None) -> None:
    """Make a badge: digits to print as a bar code, which log this person in when they are scanned."""
    from inference.access import ledger

    with _opened(data, store_url) as store:
        token = ledger.add_badge(store, name, me())
    _say(f"the badge of {name}, in place of any before; it is not shown again:")
    print(token.text)


def disable_user(name: _Name, data: DataOption = None, store_url: StoreOption = None) -> None:
    """Shut a person out, within a second; what they did stays on record."""
    from inference.access import ledger

    with _opened(data, store_url) as store:
        ledger.set_disabled(store, name, me(), disabled=True)
    _say(f"{name} may not log in any more")


def enable_user(name: _Name, data: DataOption = None, store_url: StoreOption = None) -> None:
    """Let a person in again."""
    from inference.access import ledger

    with _opened(data, store_url) as store:
        ledger.set_disabled(store, name, me(), disabled=False)
    _say(f"{name} may log in again")


def list_users(data: DataOption = None, store_url: StoreOption = None) -> None:
    """List the people."""
    for user in sorted(_known(data, store_url).users.values(), key=lambda each: each.name):
        state = "disabled" if user.disabled_at else "active"
        print(f"{user.name}\t{user.role}\t{state}\tsince {user.created_at:%Y-%m-%d}")


def add_key(
    name: _KeyName,
    role: Annotated[Role, typer.Option(help="What it may do; a line's by default.")] = Role.LINE,
    line: Annotated[
        str | None,
        typer.Option(help="`--line-id` of the only line that it is for; left out: of any."),
    ] = None,
    data: DataOption = None,
    store_url: StoreOption = None,
) -> None:
    """Make a key and print it, once: the store keeps a hash of it."""
    from inference.access import ledger

    with _opened(data, store_url) as store:
        token = ledger.add_key(store, name, role, me(), line_id=line)
    of = f", of line {line} alone" if line else ""
    _say(f"the key of {name}, role {role}{of}; it is not shown again:")
    print(token.text)


def list_keys(data: DataOption = None, store_url: StoreOption = None) -> None:
    """List the keys that open something."""
    from inference.access.tokens import TokenKind

    for key in sorted(_known(data, store_url).tokens.values(), key=lambda each: each.name):
        if key.kind is TokenKind.KEY:
            of = f"line {key.line_id}" if key.line_id else "any line"
            print(
                f"{key.name}\t{key.role}\t{of if key.role is Role.LINE else '-'}\t"
                f"id {key.token_id}\tsince {key.created_at:%Y-%m-%d}"
            )


def revoke_key(name: _KeyName, data: DataOption = None, store_url: StoreOption = None) -> None:
    """Shut a machine out, within a second."""
    from inference.access import ledger

    with _opened(data, store_url) as store:
        ledger.revoke_key(store, name, me())
    _say(f"the key of {name} opens nothing any more")


def audit(
    after: Annotated[int, typer.Option(min=0, help="Only acts with a higher seq.")] = 0,
    data: DataOption = None,
    store_url: StoreOption = None,
) -> None:
    """Print the audit log as JSON Lines, oldest first."""
    from inference.access import audit as log

    with _opened(data, store_url) as store:
        while entries := log.after(store, after):
            for entry in entries:
                print(entry.model_dump_json())
            after = entries[-1].seq


def data_dir_of(data: Path | None) -> Path:
    """The directory that is meant."""
    from inference.settings import default_data_dir

    return (data or default_data_dir()).resolve()


def keep_files_private() -> None:
    """What this process writes from now on is for its own user: hashes, pictures, the database."""
    os.umask(0o077)


def open_store(data_dir: Path, store_url: str | None) -> Store:
    """Open the store, in its directory by default.

    Raises:
        StoreError: The database cannot be used.
        OSError: The directory cannot be made.
    """
    from inference.store import Store

    data_dir.mkdir(parents=True, exist_ok=True)
    return Store.open(store_url or f"sqlite:///{data_dir / 'regrade.sqlite'}")


@contextmanager
def _opened(data: Path | None, store_url: str | None) -> Iterator[Store]:
    from inference.access.ledger import LedgerError
    from inference.access.passwords import PasswordError
    from inference.errors import StoreError

    keep_files_private()
    try:
        store = open_store(data_dir_of(data), store_url)
    except (StoreError, OSError) as error:
        _fail(error, 4)
    try:
        yield store
    except (LedgerError, PasswordError) as error:
        _fail(error, 2)
    finally:
        store.close()


def _known(data: Path | None, store_url: str | None) -> Known:
    from inference.access import ledger
    from inference.access.settings import AccessSettings

    with _opened(data, store_url) as store:
        return ledger.load(store, AccessSettings().absolute)


def _password(from_stdin: bool) -> str:  # noqa: FBT001
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        _fail(ValueError("the two are not the same"), 2)
    return password


def me() -> str:
    """Who runs the command, for the audit log."""
    return f"{getpass.getuser()} (command line)"


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _fail(error: Exception, code: int) -> NoReturn:
    _say(f"error: {error}")
    raise typer.Exit(code)
