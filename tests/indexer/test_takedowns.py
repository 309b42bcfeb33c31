"""Accounts and what local.takedown says of them: upstream has no say in it."""

from indexer.steps import AccountStatus, Step
from indexer.takedowns import follow_accounts
from migrations.database import Pool
from tests.indexer.changes import ALICE, BOB, SOME_CID, change, index, like, new_writer, track

STATE = "select active, upstream_active, taken_down, upstream_status from account where did = $1"


async def take_down(pool: Pool, *subjects: str) -> None:
    await pool.executemany(
        "insert into local.takedown (subject) values ($1)", [(s,) for s in subjects]
    )
    await follow(pool)


async def follow(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await follow_accounts(connection, [ALICE, BOB])


async def say(pool: Pool, status: str, *, active: bool) -> None:
    step = Step(ALICE, account=AccountStatus(ALICE, status, active), status_known=ALICE)
    await new_writer(pool).write([step], None)


async def state(pool: Pool) -> tuple[object, ...]:
    row = await pool.fetchrow(STATE, ALICE)
    assert row is not None
    return tuple(row)


async def test_an_account_is_shown_only_if_upstream_and_we_agree(pool: Pool) -> None:
    await index(pool, change(track()))
    await take_down(pool, ALICE)
    assert await state(pool) == (False, True, True, "active")
    await say(pool, "active", active=True)
    assert await state(pool) == (False, True, True, "active")
    await say(pool, "deactivated", active=False)
    assert await state(pool) == (False, False, True, "deactivated")
    await pool.execute("delete from local.takedown")
    await follow(pool)
    assert await state(pool) == (False, False, False, "deactivated")
    await say(pool, "active", active=True)
    assert await state(pool) == (True, True, False, "active")


async def test_a_newcomer_who_is_taken_down_is_hidden_from_the_first_row(pool: Pool) -> None:
    await pool.execute("insert into local.takedown (subject) values ($1)", ALICE)
    await index(pool, change(track()), change(like(), did=BOB))
    shown = await pool.fetch("select did from account where active")
    assert [row["did"] for row in shown] == [BOB]
    assert await pool.fetchval("select count(*) from shown_track") == 0


async def test_an_account_knows_which_of_its_parts_are_hidden(pool: Pool) -> None:
    neighbours = ["did:plc:alic", "did:plc:alicea", "did:plc:alice0"]
    parts = [SOME_CID, f"at://{ALICE}/app.bsky.actor.profile/self", f"at://{ALICE}/fm.plyr.track/x"]
    await index(pool, change(track()), *[change(track(), did=did) for did in neighbours])
    await take_down(pool, f"{ALICE}/{SOME_CID}", *parts[1:])
    rows = await pool.fetch("select did, hidden_parts from account where hidden_parts is not null")
    assert [tuple(row) for row in rows] == [(ALICE, sorted(parts[:2]))]
    await pool.execute("delete from local.takedown")
    await follow(pool)
    assert await pool.fetchval("select count(*) from account where hidden_parts is null") == 4


async def test_an_account_that_is_as_it_should_be_is_not_written_again(pool: Pool) -> None:
    await index(pool, change(track()))
    await take_down(pool, ALICE)
    before = await pool.fetchval("select xmin from account")
    await follow(pool)
    assert await pool.fetchval("select xmin from account") == before
