"""How much there is in all: the tags in use, and the network in figures."""

from migrations.runner import Connection

TAGS_KEPT = 10_000

TAGS = """
with used as (
    select tag, count(*) as tracks
    from track_tag
    join account on account.did = split_part(track_uri, '/', 3) and account.active
    where not exists (select from local.takedown where takedown.subject = track_uri)
    group by tag
    order by tracks desc, tag
    limit $1
),
unused as (
    delete from derived.tag_count where tag not in (select tag from used)
)
insert into derived.tag_count (tag, tracks)
select tag, tracks from used
on conflict (tag) do update
set tracks = excluded.tracks
where tag_count.tracks <> excluded.tracks
"""

# A length may be as its author says: none counts for more than a day.
NETWORK = """
insert into derived.network (
    tracks, artists, listeners, likes, comments, lists, total_duration_ms
)
select
    coalesce(sum(account_count.tracks), 0),
    count(*) filter (where account_count.tracks > 0),
    count(*) filter (
        where account_count.likes_given > 0
        or exists (select from comment where comment.did = account.did)
    ),
    coalesce(sum(account_count.likes_given), 0),
    (select coalesce(sum(comments), 0) from subject_count),
    coalesce(sum(account_count.lists), 0),
    (
        select coalesce(sum(least(coalesce(measured.duration_ms, track.duration_ms), 86400000)), 0)
        from track
        join account as author on author.did = track.did and author.active
        left join media.audio_fact as measured on measured.cid = track.audio_cid
        where coalesce(measured.duration_ms, track.duration_ms) is not null
          and not exists (select from local.takedown where takedown.subject = track.uri)
    )
from account
left join account_count using (did)
where account.active
on conflict (one) do update
set
    tracks = excluded.tracks,
    artists = excluded.artists,
    listeners = excluded.listeners,
    likes = excluded.likes,
    comments = excluded.comments,
    lists = excluded.lists,
    total_duration_ms = excluded.total_duration_ms
"""


async def sum_up_tags(connection: Connection, seconds: float) -> None:
    await connection.execute(TAGS, TAGS_KEPT, timeout=seconds)


async def sum_up_network(connection: Connection, seconds: float) -> None:
    await connection.execute(NETWORK, timeout=seconds)
