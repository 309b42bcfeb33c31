"""Identities in Postgres."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lexicons.syntax import Did, Handle
from migrations.database import Pool, create_pool
from tests.support import wait_until
from tests.xrpc.people import ALICE, BOB, World, document, new_key, running
from xrpc.identity_store import Identity, IdentityStore, StoreUnavailable

HANDLE = Handle("alice.test")
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def identity(did: Did, handle: Handle | None = HANDLE) -> Identity:
    return Identity(did, new_key(), "https://pds.test", handle, handle, NOW)


async def meet(pool: Pool, *dids: Did) -> None:
    await pool.executemany("insert into account (did) values ($1)", [(did,) for did in dids])


async def handle_of(pool: Pool, did: Did) -> str | None:
    handle: str | None = await pool.fetchval("select handle from account where did = $1", did)
    return handle


async def test_an_identity_reads_back_as_it_was_saved(pool: Pool) -> None:
    store = IdentityStore(pool)
    await meet(pool, ALICE, BOB)
    assert await store.load(ALICE) is None
    await store.save(identity(ALICE))
    await store.save(Identity(BOB, None, None, None, None, NOW))
    assert await store.load(ALICE) == identity(ALICE)
    assert await store.load(BOB) == Identity(BOB, None, None, None, None, NOW)
    assert await store.load(Did("did:plc:nobody")) is None


async def test_who_is_not_in_the_index_leaves_no_row(pool: Pool) -> None:
    await IdentityStore(pool).save(identity(ALICE))
    assert await pool.fetchval("select count(*) from account") == 0


async def test_case_84_saving_a_proven_handle_frees_it_from_its_old_owner(pool: Pool) -> None:
    store = IdentityStore(pool)
    await meet(pool, ALICE, BOB)
    await store.save(identity(ALICE))
    await store.save(identity(BOB))
    assert await handle_of(pool, ALICE) is None
    assert await handle_of(pool, BOB) == HANDLE


async def test_two_who_prove_one_handle_at_once_take_turns(pool: Pool) -> None:
    store = IdentityStore(pool)
    await meet(pool, ALICE, BOB)
    for number in range(20):
        at = NOW + timedelta(seconds=number)
        await asyncio.gather(
            *(store.save(replace(identity(did), resolved_at=at)) for did in (ALICE, BOB) * 3)
        )
        handles = {await handle_of(pool, ALICE), await handle_of(pool, BOB)}
        assert handles == {HANDLE, None}


async def test_an_older_identity_does_not_undo_a_newer_one(pool: Pool) -> None:
    store = IdentityStore(pool)
    await meet(pool, ALICE)
    newer = replace(identity(ALICE), key=new_key(2), resolved_at=NOW + timedelta(seconds=1))
    await store.save(newer)
    await store.save(identity(ALICE))
    assert await store.load(ALICE) == newer


async def test_what_is_forgotten_is_not_trusted(pool: Pool) -> None:
    store = IdentityStore(pool)
    await meet(pool, ALICE)
    await store.save(identity(ALICE))
    await store.forget(ALICE)
    assert await store.load(ALICE) is None
    assert await handle_of(pool, ALICE) is None


async def test_a_key_that_is_no_key_reads_as_none(pool: Pool) -> None:
    await meet(pool, ALICE)
    await pool.execute("update account set signing_key = 'zzz', identity_at = now()")
    stored = await IdentityStore(pool).load(ALICE)
    assert stored is not None
    assert stored.key is None


async def test_a_database_that_is_gone_is_named_so(database_url: str) -> None:
    pool = await create_pool(database_url, min_size=1, max_size=1)
    await pool.close()
    with pytest.raises(StoreUnavailable):
        await IdentityStore(pool).load(ALICE)


async def test_after_a_restart_nobody_is_asked_again(pool: Pool) -> None:
    await meet(pool, ALICE)
    world = World(documents={ALICE: document(ALICE)}, service={"alice.test": ALICE})
    async with running(world, IdentityStore(pool), with_service=True) as it:
        proven = await it.resolver.prove_handle(await it.resolver.resolve(ALICE))
    world.clock.pass_by(minutes=30)
    async with running(world, IdentityStore(pool)) as it:
        assert await it.resolver.resolve(ALICE) == proven
        assert it.documents_asked == 0
    world.clock.pass_by(hours=25)
    async with running(world, IdentityStore(pool)) as it:
        assert (await it.resolver.resolve(ALICE)).handle == HANDLE
        assert it.documents_asked == 1


async def test_identities_are_found_without_the_database_too(database_url: str) -> None:
    pool = await create_pool(database_url, min_size=1, max_size=1)
    await pool.close()
    world = World(documents={ALICE: document(ALICE)})
    async with running(world, IdentityStore(pool)) as it:
        assert (await it.resolver.resolve(ALICE)).key == new_key()


async def test_case_88_a_tombstone_is_forgotten_in_the_table_too(pool: Pool) -> None:
    await meet(pool, ALICE)
    world = World(documents={ALICE: document(ALICE)})
    async with running(world, IdentityStore(pool)) as it:
        await it.resolver.resolve(ALICE)
        world.documents[ALICE] = 410
        with pytest.raises(Exception, match="tombstone"):
            await it.resolver.resolve(ALICE, force=True)
    assert await IdentityStore(pool).load(ALICE) is None


async def test_what_a_deadlock_undid_is_written_again(pool: Pool) -> None:
    store = IdentityStore(pool)
    await meet(pool, ALICE, BOB)
    await store.save(identity(BOB))
    lock = "select from account where did = $1 for update"
    async with pool.acquire() as other:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("set local deadlock_timeout = '60s'")
        await other.execute(lock, max(ALICE, BOB))
        saving = asyncio.create_task(store.save(identity(ALICE)))
        await wait_until(lambda: is_waiting(pool))
        await other.execute(lock, min(ALICE, BOB))
        await transaction.rollback()
        await saving
    assert await handle_of(pool, ALICE) == HANDLE


async def is_waiting(pool: Pool) -> bool:
    waiting = """
        select exists (
            select from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'
        )
    """
    return bool(await pool.fetchval(waiting))
