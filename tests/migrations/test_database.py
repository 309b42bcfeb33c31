"""Which databases open, and which are refused with what advice."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from migrations import runner
from migrations.database import Pool, check_server, open_database
from migrations.errors import UnsuitableServer, WrongVersion

NEWEST = runner.known_revisions()[-1]


async def test_a_migrated_database_opens(database_url: str, tmp_path: Path) -> None:
    async with open_database(database_url, tmp_path) as database:
        assert await database.pool.fetchval("select count(*) from track") == 0


async def test_an_empty_database_is_refused_with_the_command(
    empty_database_url: str, tmp_path: Path
) -> None:
    with pytest.raises(WrongVersion, match=f"empty.*needs version {NEWEST}.*plyr-appview migrate"):
        async with open_database(empty_database_url, tmp_path):
            pass


async def test_an_older_database_is_refused_with_the_command(pool: Pool) -> None:
    async with pool.acquire() as connection:
        with pytest.raises(WrongVersion, match=f"at version {NEWEST}.*9999_next. Run: do this"):
            await runner.check_version(connection, [NEWEST, "9999_next"], "do this")


async def test_a_database_of_a_newer_program_is_refused(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    await pool.execute("update alembic_version set version_num = '9999_future'")
    for migrate in (False, True):
        with pytest.raises(WrongVersion, match=r"9999_future.*newer plyr-appview"):
            async with open_database(database_url, tmp_path, migrate=migrate):
                pass


async def test_the_embedded_database_is_migrated_when_asked(tmp_path: Path) -> None:
    with pytest.raises(WrongVersion, match=rf"PLYR_DATA_DIR={tmp_path} plyr-appview migrate"):
        async with open_database(None, tmp_path):
            pass
    async with open_database(None, tmp_path, migrate=True) as database:
        assert await database.pool.fetchval("select count(*) from track") == 0
    async with open_database(None, tmp_path) as database:
        assert await database.pool.fetchval("select version_num from alembic_version") == NEWEST


async def test_connections_give_up_and_speak_utc(database_url: str, tmp_path: Path) -> None:
    async with open_database(database_url, tmp_path) as database:
        assert await database.pool.fetchval("show timezone") == "UTC"
        with pytest.raises(asyncio.TimeoutError):
            await database.pool.fetchval("select pg_sleep(10)", timeout=0.01)


async def test_an_unreachable_server_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(UnsuitableServer, match=r"127\.0\.0\.1/plyr") as caught:
        async with open_database("postgresql://u:secret@127.0.0.1:1/plyr", tmp_path):
            pass
    assert "secret" not in str(caught.value)


async def test_a_url_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsuitableServer, match="invalid DSN"):
        async with open_database("mysql://localhost/plyr", tmp_path):
            pass


async def test_a_user_who_may_not_create_extensions_learns_what_to_ask_for(
    empty_database_url: str,
) -> None:
    connection = await asyncpg.connect(empty_database_url)
    try:
        await connection.execute("set role pg_monitor")
        with pytest.raises(
            UnsuitableServer, match=r"superuser run: psql -d plyr_test_\w+ -c 'create"
        ):
            await check_server(connection)
    finally:
        await connection.close()


async def test_an_extension_out_of_sight_is_refused_with_the_remedy(
    empty_database_url: str,
) -> None:
    connection = await asyncpg.connect(empty_database_url)
    try:
        await connection.execute("create schema hidden; create extension unaccent schema hidden")
        with pytest.raises(UnsuitableServer, match="alter extension unaccent set schema public"):
            await check_server(connection)
    finally:
        await connection.close()


async def test_another_encoding_than_utf8_is_refused(postgres_url: str, pool: Pool) -> None:
    await pool.execute(
        "create database plyr_test_latin template template0 encoding 'LATIN1' locale 'C' "
        "locale_provider libc"
    )
    try:
        connection = await asyncpg.connect(postgres_url, database="plyr_test_latin")
        with pytest.raises(UnsuitableServer, match="encoding is LATIN1"):
            await check_server(connection)
        await connection.close()
    finally:
        await pool.execute("drop database plyr_test_latin with (force)")
