import asyncio
import subprocess
import sys

import asyncpg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from migrations import runner


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
    await connection.close()
    return {row["tablename"] for row in rows}


async def test_a_fresh_database_is_migrated_to_the_newest_revision(empty_database_url: str) -> None:
    assert await runner.migrate(empty_database_url) == list(runner.known_revisions())
    assert {"account", "record", "track", "alembic_version"} <= await tables(empty_database_url)


async def test_migrating_twice_changes_nothing(empty_database_url: str) -> None:
    await runner.migrate(empty_database_url)
    assert await runner.migrate(empty_database_url) == []


async def test_of_several_that_migrate_at_once_one_does(empty_database_url: str) -> None:
    applied = await asyncio.gather(*(runner.migrate(empty_database_url) for _ in range(4)))
    assert sorted(applied) == [[], [], [], list(runner.known_revisions())]


async def test_a_migration_that_fails_leaves_nothing_behind(empty_database_url: str) -> None:
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("create table bsky_profile (in_the_way text)")
    await connection.close()
    with pytest.raises(asyncpg.DuplicateTableError):
        await runner.migrate(empty_database_url)
    assert await tables(empty_database_url) == {"bsky_profile"}


def test_alembic_and_the_file_names_agree_on_the_revisions() -> None:
    config = Config()
    config.set_main_option("script_location", str(runner.FOLDER))
    script = ScriptDirectory.from_config(config)
    ordered = [revision.revision for revision in script.walk_revisions()][::-1]
    assert ordered == list(runner.known_revisions())


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [("migrations.database", "alembic"), ("migrations.supervisor", "asyncpg")],
)
def test_starting_does_not_pay_for_what_is_not_used(module: str, unwanted: str) -> None:
    code = f"import sys, {module}; sys.exit({unwanted!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
