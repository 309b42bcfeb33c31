"""What is ranked, by which formula; docs/ranking.md says why.

A chart is added as a line in CHARTS. Queries find it in derived.ranking, by its name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from migrations.runner import Connection

DEPTH = 1_000
LIFETIME = timedelta(hours=1)
QUERY_SECONDS = 600.0

TRENDING_WINDOW = timedelta(days=14)
HALF_LIFE = timedelta(hours=48)
TRENDING_BY_ONE_AUTHOR = 3
VOTES_OF_ONE_ACCOUNT = 50

# An account's like of a track is counted once: counting links is counting accounts.
TOP_BY_LIKES = """
select best.subject
from (
    select subject, count(*) as accounts, max(made_at) as last_at
    from link
    where kind = 'like'
      and counted
      and made_at > $1
      and did <> split_part(subject, '/', 3)
    group by subject
    order by accounts desc, last_at desc, subject desc
    limit 2 * $2
) as best
join track on track.uri = best.subject
join account on account.did = track.did and account.active
where not exists (select from local.takedown where takedown.subject = best.subject)
order by best.accounts desc, best.last_at desc, best.subject desc
limit $2
"""

# Ever is what the counts hold anyway; of those an author's own like is taken away.
TOP_BY_LIKES_EVER = """
select best.subject
from (
    select subject, likes
    from subject_count
    where likes > 0
    order by likes desc, subject desc
    limit 2 * $1
) as best
join track on track.uri = best.subject
join account on account.did = track.did and account.active
cross join lateral (
    select count(*) as own
    from link
    where link.subject = best.subject
      and link.kind = 'like'
      and link.did = track.did
      and link.counted
) as given
where best.likes > given.own
  and not exists (select from local.takedown where takedown.subject = best.subject)
order by best.likes - given.own desc, track.sort_at desc, best.subject desc
limit $1
"""

TOP_BY_ACCOUNTS = """
select best.subject
from (
    select subject, count(*) as accounts, max(last_at) as last_at
    from (
        select subject, did, max(made_at) as last_at
        from link
        where kind = $3
          and counted
          and made_at > $1
          and did <> split_part(subject, '/', 3)
          and not exists (
              select
              from list
              where list.uri = link.uri
                and coalesce(list.list_type, list.last_list_type) = 'liked'
          )
        group by subject, did
    ) as deed
    group by subject
    order by accounts desc, last_at desc, subject desc
    limit 2 * $2
) as best
join track on track.uri = best.subject
join account on account.did = track.did and account.active
where not exists (select from local.takedown where takedown.subject = best.subject)
order by best.accounts desc, best.last_at desc, best.subject desc
limit $2
"""

TRENDING = """
with deed as (
    select
        subject,
        did,
        case kind when 'comment' then 0.5 else 1.0 end::float8 as weight,
        max(made_at) as last_at
    from link
    where kind = any ('{like,comment,list}')
      and counted
      and made_at > $1
      and did <> split_part(subject, '/', 3)
      and not exists (
          select
          from list
          where list.uri = link.uri
            and coalesce(list.list_type, list.last_list_type) = 'liked'
      )
    group by subject, did, kind
),
voice as (
    select did, least(1.0, $5::float8 / count(*)) as strength
    from deed
    group by did
),
hot as (
    select
        deed.subject,
        sum(
            deed.weight * voice.strength
            * 0.5::float8 ^ (
                extract(epoch from $3::timestamptz - deed.last_at)::float8
                / extract(epoch from $4::interval)::float8
            )
        ) as heat
    from deed
    join voice using (did)
    group by deed.subject
    order by heat desc, deed.subject desc
    limit 4 * $2
)
select subject
from (
    select
        hot.subject,
        hot.heat,
        row_number() over (partition by track.did order by hot.heat desc, hot.subject desc) as nth
    from hot
    join track on track.uri = hot.subject
    join account on account.did = track.did and account.active
    where not exists (select from local.takedown where takedown.subject = hot.subject)
) as placed
where nth <= $6
order by heat desc, subject desc
limit $2
"""

ACTORS_BY_TRACKS = """
select did
from account_count
join account using (did)
where account.active
  and account_count.tracks > 0
order by account_count.tracks desc, did
limit $1
"""

ACTORS_BY_LIKES = """
select best.did
from (
    select did, likes_received
    from account_count
    join account using (did)
    where account.active
      and likes_received > 0
    order by likes_received desc, did
    limit 2 * $1
) as best
cross join lateral (
    select count(*) as own
    from track
    join link
        on link.subject = track.uri
        and link.kind = 'like'
        and link.did = track.did
        and link.counted
    where track.did = best.did
) as given
where best.likes_received > given.own
order by best.likes_received - given.own desc, best.did
limit $1
"""


@dataclass(frozen=True, slots=True)
class Chart:
    name: str
    sql: str
    arguments: Callable[[datetime], tuple[Any, ...]]


_WINDOWS = {
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def _top(metric: str, sql: str, window: str, *kind: str) -> Chart:
    def arguments(now: datetime) -> tuple[Any, ...]:
        since = now - _WINDOWS[window] if window in _WINDOWS else _LONG_AGO
        return since, DEPTH, *kind

    return Chart(f"top {metric} {window}", sql, arguments)


def _trending(now: datetime) -> tuple[Any, ...]:
    since = now - TRENDING_WINDOW
    return since, DEPTH, now, HALF_LIFE, VOTES_OF_ONE_ACCOUNT, TRENDING_BY_ONE_AUTHOR


def _depth(_: datetime) -> tuple[Any, ...]:
    return (DEPTH,)


CHARTS = (
    Chart("trending", TRENDING, _trending),
    *[_top("likes", TOP_BY_LIKES, window) for window in _WINDOWS],
    Chart("top likes all", TOP_BY_LIKES_EVER, _depth),
    *[_top("comments", TOP_BY_ACCOUNTS, window, "comment") for window in (*_WINDOWS, "all")],
    *[_top("list-adds", TOP_BY_ACCOUNTS, window, "list") for window in (*_WINDOWS, "all")],
    Chart("actors tracks", ACTORS_BY_TRACKS, _depth),
    Chart("actors likes-received", ACTORS_BY_LIKES, _depth),
)


async def redraw(connection: Connection, chart: Chart, now: datetime) -> None:
    """Let new walks begin with how things stand now; those under way keep theirs for an hour."""
    rows = await connection.fetch(chart.sql, *chart.arguments(now), timeout=QUERY_SECONDS)
    subjects = [row[0] for row in rows]
    status = await connection.execute(
        """
        update derived.ranking
        set computed_at = $3
        where chart = $1 and expires_at is null and subjects = $2
        """,
        chart.name,
        subjects,
        now,
    )
    if status == "UPDATE 1":
        return
    await connection.execute(
        "update derived.ranking set expires_at = $2 where chart = $1 and expires_at is null",
        chart.name,
        now + LIFETIME,
    )
    await connection.execute(
        "insert into derived.ranking (chart, subjects, computed_at) values ($1, $2, $3)",
        chart.name,
        subjects,
        now,
    )


async def drop_expired(connection: Connection, now: datetime) -> None:
    await connection.execute("delete from derived.ranking where expires_at < $1", now)
