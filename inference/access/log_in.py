"""Logging in and out: a name with its password, or a badge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from inference.access import ledger
from inference.access.audit import Act, ActOutcome
from inference.access.gate import Gate, too_many
from inference.access.passwords import PasswordThread
from inference.access.people import UNKNOWN, Principal, User
from inference.access.rates import RateLimiter, network_of
from inference.access.tokens import TokenKind, digest, new_session_secret
from inference.errors import ApiError, ErrorCode
from inference.threads import StoreThreads


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody typed or scanned; a badge counts before a name."""

    name: str
    password: str = field(repr=False)
    badge: str = field(repr=False)


class LogIns:
    """One instance, on one event loop."""

    def __init__(self, gate: Gate, store: StoreThreads) -> None:
        self._gate = gate
        self._store = store
        self._passwords = PasswordThread()
        self._by_address = RateLimiter(gate.settings.log_ins_by_address)
        self._by_name = RateLimiter(gate.settings.log_ins_by_name)

    async def __aenter__(self) -> Self:
        await self._passwords.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._passwords.__aexit__(*error)

    async def log_in(self, given: Credentials, address: str, before: str | None) -> str:
        """Begin a session, and end the one that this browser had.

        Args:
            given: What was typed or scanned.
            address: Where it came from.
            before: Cookie of the session before.

        Returns:
            The cookie of the new session.

        Raises:
            ApiError: It is wrong, or there were too many attempts.
            StoreUnavailableError: The session cannot be stored.
        """
        network = network_of(address)
        if wait_s := self._by_address.take(network):
            raise too_many(wait_s)
        user = await self._who(given)
        if user is None:
            who, detail = self._shown(given)
            await self._gate.record(
                Act(who, address, "log in", "", ActOutcome.REFUSED, detail=detail)
            )
            raise ApiError(
                ErrorCode.UNAUTHENTICATED,
                "this badge is not known"
                if given.badge
                else "name or password is wrong; an administrator can set another password",
            )
        self._by_address.give_back(network)
        secret = new_session_secret()
        how = "by badge" if given.badge else "by password"
        await self._store.write(
            ledger.begin_session,
            digest(secret),
            user,
            Act(user.name, address, "log in", user.name, role=user.role, detail=how),
            digest(before) if before else None,
            self._gate.settings.absolute,
        )
        await self._gate.directory.refresh()
        return secret

    async def log_out(self, principal: Principal, secret: str, address: str) -> None:
        """End a session.

        Raises:
            StoreUnavailableError: It cannot be ended now.
        """
        act = Act(principal.name, address, "log out", principal.name, role=principal.role)
        await self._store.write(ledger.end_session, digest(secret), act)
        await self._gate.directory.refresh()

    def _shown(self, given: Credentials) -> tuple[str, str]:
        """Who failed to log in, for the record, and what else to say of it.

        A name that nobody has is not kept: it may be a password, typed into the wrong field.
        """
        if given.badge:
            return "badge", ""
        if self._gate.directory.has_name(given.name):
            return given.name, ""
        return UNKNOWN, "by a name that nobody has" if given.name else "by no name"

    async def _who(self, given: Credentials) -> User | None:
        directory = self._gate.directory
        if given.badge:
            wearer = await directory.by_token(given.badge, TokenKind.BADGE)
            return directory.user(wearer.name) if wearer else None
        name = given.name.casefold()
        if wait_s := self._by_name.take(name):
            raise too_many(wait_s)
        user = await directory.user_named(given.name)
        right = await self._passwords.is_right(user.password if user else None, given.password)
        if user is None or not right:
            return None
        self._by_name.give_back(name)
        if new := await self._passwords.renewed(user.password, given.password):
            await self._store.write(ledger.renew_password, user.name, user.password, new)
        return user
