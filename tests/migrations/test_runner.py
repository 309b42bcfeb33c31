
from migrations import runner
from migrations.database import Pool


async def test_a_fresh_database_is_migrated_to_the_newest_revision(empty_database_url: str) -> None:
    assert await runner.migrate(empty_database_url) == list(runner.known_revisions())


async def test_migrating_twice_changes_nothing(empty_database_url: str) -> None:
    await runner.migrate(empty_database_url)
    assert await runner.migrate(empty_database_url) == []


async def test_each_test_gets_an_empty_database(pool: Pool) -> None:
    assert await pool.fetchval("select count(*) from track") == 0
