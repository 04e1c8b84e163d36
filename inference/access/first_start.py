"""The first start makes the first administrator, and says where the password is."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from inference.access import ledger
from inference.store import Store

ADMIN = "admin"
FILE_NAME = "first-admin-password"


def ensure_admin(store: Store, data_dir: Path) -> Path | None:
    """Add an administrator where there is nobody yet.

    The file comes first: a start that is cut short leaves no administrator whose password nobody has.

    Returns:
        The file with the password, which only the server's user may read; None where somebody is
        known already.

    Raises:
        OSError: The file cannot be written.
    """
    if ledger.has_users(store):
        return None
    path = data_dir / FILE_NAME
    password = secrets.token_urlsafe(18)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{password}\n")
        file.flush()
        os.fsync(descriptor)
    return path if ledger.add_first_admin(store, ADMIN, password) else None


def forget_first_password(data_dir: Path) -> None:
    """Remove the file once the password is another."""
    (data_dir / FILE_NAME).unlink(missing_ok=True)
