"""rebuild: what can be fetched again is thrown away."""

import asyncpg
import click

from appview.config import Config
from indexer.leadership import LEADER_LOCK, is_led
from indexer.rows import begin
from migrations.database import open_database
from migrations.runner import Connection

ATTEMPTS = 5

# Everything but `local`, `labels`, media.audio_fact and media.stored: a test holds this to the
# schema.
EMPTY = """
truncate
    account,
    account_count,
    album,
    bsky_profile,
    comment,
    derived.list_sum,
    derived.list_sum_due,
    derived.network,
    derived.ranking,
    derived.related,
    derived.search_document,
    derived.search_due,
    derived.search_tier,
    derived.search_word,
    derived.tag_count,
    discovery,
    "like",
    link,
    list,
    list_item,
    media.missing_blob,
    media.source_check,
    profile,
    record,
    relay_cursor,
    relay_gap,
    repo,
    repo_queue,
    repo_request,
    subject_count,
    track,
    track_tag
restart identity
"""

# A cursor of before is outdated; its numbers are never given again.
START_STREAM_ANEW = """
truncate stream.outbox, stream.event;
update stream.state
set
    last_seq = greatest(last_seq, (extract(epoch from statement_timestamp()) * 1000000)::bigint),
    trimmed_seq = greatest(last_seq, (extract(epoch from statement_timestamp()) * 1000000)::bigint),
    events = 0,
    started_at = now(),
    filled_at = null;
"""

BUSY = "an indexer is at work: stop it first"
STUCK = "others keep reading the index: stop the servers first, or try again"
QUESTION = (
    "This throws the index away. What was decided here (takedowns and their trail) is kept; "
    "everything else is fetched from the network again, which takes a while. Go on?"
)


async def rebuild(config: Config, *, confirmed: bool) -> None:
    async with open_database(config.database_url, config.data_dir, max_size=2) as database:
        if await is_led(database.pool):
            raise click.ClickException(BUSY)
        if not confirmed:
            click.confirm(QUESTION, abort=True)
        async with database.pool.acquire() as connection:
            await _empty(connection)
    click.echo("the index is empty: the next start discovers and fetches everything anew")


async def _empty(connection: Connection) -> None:
    """Servers go on reading meanwhile, in an order that may cross ours."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with connection.transaction():
                await connection.execute("set local lock_timeout = '10s'")
                if not await connection.fetchval(
                    "select pg_try_advisory_xact_lock($1)", LEADER_LOCK
                ):
                    raise click.ClickException(BUSY)
                await begin(connection)
                await connection.execute(EMPTY)
                await connection.execute(START_STREAM_ANEW)
        except asyncpg.LockNotAvailableError as error:
            raise click.ClickException(STUCK) from error
        except asyncpg.DeadlockDetectedError as error:
            if attempt == ATTEMPTS:
                raise click.ClickException(STUCK) from error
        else:
            return
