"""What strangers write into documents, and two who lock the same accounts."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from lexicons.syntax import Did, Handle
from migrations.database import Pool
from tests.support import wait_until
from xrpc.client import GuardedClient, Unreachable
from xrpc.did_document import service_origin
from xrpc.directory import Directory
from xrpc.handles import HandleLookup
from xrpc.identity_errors import HandleNotResolved, IdentityUnavailable
from xrpc.identity_store import Identity, IdentityStore
from xrpc.names import NameNotFound

UNREADABLE = ("xn--a.com", "xn--a80.com", "xn--http.com")


class NoNames:
    async def addresses(self, host: str) -> list[str]:
        raise NameNotFound(host)

    async def texts(self, name: str) -> list[str]:
        raise NameNotFound(name)


@pytest.mark.parametrize("host", ["a\0b.test", "a\x01b.test", "a\x7fb.test", "a b.test"])
def test_a_service_of_unprintable_characters_is_none(host: str) -> None:
    assert service_origin(f"https://{host}") is None


@pytest.mark.parametrize("name", UNREADABLE)
async def test_a_name_that_looks_like_idna_and_is_none_is_only_unreachable(name: str) -> None:
    async with GuardedClient(
        allow_private_addresses=False, user_agent="tests", names=NoNames()
    ) as client:
        with pytest.raises(Unreachable):
            await client.get(f"https://{name}/", max_bytes=1, timeout_seconds=1)
        with pytest.raises((HandleNotResolved, IdentityUnavailable)):
            await HandleLookup(client, None, NoNames()).find(Handle(name))
        with pytest.raises(IdentityUnavailable):
            directory = Directory(client, "https://plc.test", seconds=time.monotonic)
            await directory.fetch(Did(f"did:web:{name}"))


async def test_a_handle_that_moves_does_not_deadlock_with_the_index(pool: Pool) -> None:
    a, b = Did("did:plc:aaa"), Did("did:plc:bbb")
    await pool.execute("insert into account (did, handle) values ($1, null), ($2, 'h.test')", a, b)
    now = datetime.now(UTC)
    identity = Identity(a, None, None, Handle("h.test"), Handle("h.test"), now)
    lock = "select from account where did = $1 for update"
    async with pool.acquire() as index, index.transaction():
        await index.execute(lock, a)
        saving = asyncio.create_task(IdentityStore(pool).save(identity))

        async def waits() -> bool:
            waiting = "select count(*) from pg_locks where not granted"
            return bool(await pool.fetchval(waiting))

        await wait_until(waits)
        await index.execute(lock, b)
    await saving
    assert await pool.fetchval("select handle from account where did = $1", a) == "h.test"
