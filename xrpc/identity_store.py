"""Identities in the table `account`, so that a restart does not storm the directory.

Only accounts that the index already knows are kept: whoever merely calls us leaves no row.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import asyncpg

from lexicons.syntax import Did, Handle
from xrpc.keys import InvalidKey, PublicKey, multikey, parse_multikey

if TYPE_CHECKING:
    Pool = asyncpg.Pool[asyncpg.Record]

# The database is away or too busy: it may be back at the next attempt.
_AWAY: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,  # a deadlock
    asyncpg.InterfaceError,
    OSError,
)


class StoreUnavailable(Exception):
    """The database did not answer."""


@dataclass(frozen=True, slots=True)
class Identity:
    """`handle` is proven both ways; None shows as handle.invalid. `pds` is an origin."""

    did: Did
    key: PublicKey | None
    pds: str | None
    claimed_handle: Handle | None
    handle: Handle | None
    resolved_at: datetime


class IdentityStore:
    def __init__(self, pool: "Pool") -> None:
        self._pool = pool

    async def load(self, did: Did) -> Identity | None:
        with _available():
            row = await self._pool.fetchrow(
                """
                select did, handle, pds, signing_key, identity_at
                from account
                where did = $1 and identity_at is not null
                """,
                did,
            )
        return None if row is None else _identity(row)

    async def save(self, identity: Identity) -> None:
        """Keep what is newer; a proven handle leaves whoever had it before, in one transaction."""
        with _available():
            try:
                await self._save(identity)
            except asyncpg.TransactionRollbackError:  # a deadlock, which is over by now
                await self._save(identity)

    async def _save(self, identity: Identity) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            if identity.handle is not None:
                await _free(connection, identity.handle, identity.did)
            await connection.execute(
                """
                update account
                set handle = $2, pds = $3, signing_key = $4, identity_at = $5
                where did = $1 and (identity_at is null or identity_at <= $5)
                """,
                identity.did,
                identity.handle,
                identity.pds,
                None if identity.key is None else multikey(identity.key),
                identity.resolved_at,
            )

    async def forget(self, did: Did) -> None:
        """Trust nothing that was known; the handle is free for another."""
        with _available():
            await self._pool.execute(
                """
                update account
                set handle = null, signing_key = null, identity_at = null
                where did = $1
                """,
                did,
            )


async def _free(connection: asyncpg.pool.PoolConnectionProxy, handle: Handle, did: Did) -> None:
    # Two accounts may prove one handle at the same moment: they take turns.
    await connection.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", handle)
    # In the order in which the index locks accounts: neither waits for the other.
    await connection.execute(
        "select from account where did = $1 or handle = $2 order by did for update", did, handle
    )
    await connection.execute(
        "update account set handle = null where handle = $1 and did <> $2", handle, did
    )


def _identity(row: asyncpg.Record) -> Identity:
    try:
        key = None if row["signing_key"] is None else parse_multikey(row["signing_key"])
    except InvalidKey:
        key = None
    handle = row["handle"]
    return Identity(row["did"], key, row["pds"], handle, handle, row["identity_at"])


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except _AWAY as error:
        raise StoreUnavailable(type(error).__name__) from error
