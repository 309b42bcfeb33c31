"""Each list query uses its index, whether Postgres knows the values when it plans or not."""

import pytest

from appview.hydrate import activity, rankings
from appview.pagination import EARLIEST, LATEST
from appview.queries import (
    get_actor_likes,
    get_actor_lists,
    get_actor_tracks,
    get_comments,
    get_latest,
    get_likes,
    get_list,
    get_related,
    get_status,
    get_tag_feed,
    list_actors,
    list_tags,
)
from migrations.database import Pool

FILL = """
insert into account (did, handle)
select 'did:plc:p' || n, 'p' || n || '.test' from generate_series(1, 200) as n;

insert into track (
    uri, did, rkey, cid, title, artist, file_type, audio_cid, features, created_at, sort_at,
    indexed_at
)
select
    'at://did:plc:p' || n % 200 + 1 || '/fm.plyr.track/' || n, 'did:plc:p' || n % 200 + 1, n::text,
    'c', 't', 'a', 'mp3', 'c', case when n % 50 = 0 then array['did:plc:p' || n % 70] else '{}' end,
    '2026-01-01T00:00:00Z', timestamptz '2026-01-01' + n * interval '1 minute', now()
from generate_series(1, 10000) as n;

insert into subject_count (subject, likes) select uri, length(uri) from track;

insert into "like" (uri, did, rkey, cid, subject, subject_cid, created_at, sort_at, indexed_at)
select
    'at://did:plc:p' || n % 200 + 1 || '/fm.plyr.like/' || n, 'did:plc:p' || n % 200 + 1, n::text,
    'c', 'at://did:plc:p' || n % 500 % 200 + 1 || '/fm.plyr.track/' || n % 500, 'c',
    '2026-01-01T00:00:00Z', timestamptz '2026-01-01' + n * interval '1 minute', now()
from generate_series(1, 20000) as n;

insert into link (uri, subject, kind, did, counted, made_at)
select distinct on (subject, did) uri, subject, 'like', did, true, sort_at from "like";

insert into comment (
    uri, did, rkey, cid, subject, subject_cid, text, timestamp_ms, created_at, sort_at, indexed_at
)
select
    'at://did:plc:p' || n % 200 + 1 || '/fm.plyr.comment/' || n, 'did:plc:p' || n % 200 + 1,
    n::text, 'c', 'at://did:plc:p1/fm.plyr.track/' || n % 20, 'c', 'text', n,
    '2026-01-01T00:00:00Z', timestamptz '2026-01-01' + n * interval '1 minute', now()
from generate_series(1, 20000) as n;

insert into list (
    uri, did, rkey, cid, name, list_type, item_count, created_at, sort_at, indexed_at
)
select
    'at://did:plc:p' || n % 20 + 1 || '/fm.plyr.list/' || n, 'did:plc:p' || n % 20 + 1, n::text,
    'c', 'l', 'playlist', 5, '2026-01-01T00:00:00Z',
    timestamptz '2026-01-01' + n * interval '1 minute', now()
from generate_series(1, 10000) as n;

insert into list_item (list_uri, position, subject, subject_cid, sort_at)
select
    uri, position, 'at://did:plc:p1/fm.plyr.track/' || rkey::integer * position % 10000, 'c',
    sort_at
from list, generate_series(0, 4) as position;

insert into link (uri, subject, kind, did, counted, made_at)
select uri, subject, 'comment', did, true, sort_at from comment;

insert into link (uri, subject, kind, did, counted, made_at, added)
select
    list.uri, list_item.subject, 'list', list.did, true,
    list.sort_at + list_item.position * interval '1 hour', list_item.position > 0
from list_item
join list on list.uri = list_item.list_uri
on conflict do nothing;

insert into track_tag (track_uri, tag, sort_at)
select uri, 'tag' || rkey::integer % 100, sort_at from track;

insert into derived.tag_count (tag, tracks)
select 'tag' || n, n from generate_series(1, 10000) as n;

insert into derived.ranking (chart, subjects, expires_at)
select
    'chart ' || n % 20, array['at://did:plc:p1/fm.plyr.track/0'],
    case when n > 19 then now() + n * interval '1 minute' end
from generate_series(0, 2000) as n;

insert into derived.related (uri, tracks, likes_then)
select uri, array['at://did:plc:p1/fm.plyr.track/0'], 1 from track;

insert into account_count (did, tracks) select did, 1 from account;

insert into record (did, collection, rkey, rev, state)
select
    'did:plc:p' || n % 200, 'fm.plyr.track', n::text, '3k',
    case when n % 1000 = 0 then 'invalid' else 'valid' end
from generate_series(1, 20000) as n;

analyze;
"""

PERSON = "did:plc:p7"
NEWEST = (LATEST, "")
OLDEST = (EARLIEST, "")
LIKED = "at://did:plc:p2/fm.plyr.track/1"
COMMENTED = "at://did:plc:p1/fm.plyr.track/1"
ALL_MS = (0, 2**40)
QUERIES: dict[str, tuple[str, tuple[object, ...], set[str]]] = {
    "getLatest": (
        get_latest.SQL,
        (*NEWEST, EARLIEST, True, ("https://audio.plyr.fm/",), 51),
        {"track_latest"},
    ),
    "getActorTracks newest": (
        get_actor_tracks.NEWEST,
        (PERSON, *NEWEST, True, 51),
        {"track_by_author", "track_by_feature"},
    ),
    "getActorTracks oldest": (
        get_actor_tracks.OLDEST,
        (PERSON, *OLDEST, True, 51),
        {"track_by_author", "track_by_feature"},
    ),
    "getActorTracks top": (
        get_actor_tracks.TOP,
        (PERSON, True, 1000),
        {"track_by_author", "track_by_feature"},
    ),
    "getActorLikes": (get_actor_likes.SQL, (PERSON, *NEWEST, 51), {"like_by_author"}),
    "getLikes": (get_likes.SQL, (LIKED, *NEWEST, 51), {"like_by_subject"}),
    "getComments timestamp": (
        get_comments.BY_TIMESTAMP,
        (COMMENTED, -1, "", *ALL_MS, 51),
        {"comment_by_timestamp"},
    ),
    "getComments newest": (
        get_comments.NEWEST,
        (COMMENTED, *NEWEST, *ALL_MS, 51),
        {"comment_by_time"},
    ),
    "getComments oldest": (
        get_comments.OLDEST,
        (COMMENTED, *OLDEST, *ALL_MS, 51),
        {"comment_by_time"},
    ),
    "getActorLists": (get_actor_lists.SQL, (PERSON, None, *NEWEST, 51), {"list_by_author"}),
    "getList": (
        get_list.ITEMS,
        ("at://did:plc:p1/fm.plyr.list/20", -1, 51),
        {"list_item_pkey"},
    ),
    "getActivity": (
        activity.EVERYONES,
        (activity.KINDS, *NEWEST, 51),
        {"track_latest", "link_latest", "list_latest", "link_added"},
    ),
    "getActivity of one": (
        activity.OF_ONE,
        (activity.KINDS, *NEWEST, PERSON, 51),
        {
            "track_by_author",
            "like_by_author",
            "comment_by_author",
            "list_by_author",
            "link_added_by",
        },
    ),
    "getTagFeed": (get_tag_feed.SQL, ("tag7", *NEWEST, 51), {"track_tag_latest"}),
    "listTags": (list_tags.MOST, (50,), {"tag_count_most"}),
    "listTags by prefix": (list_tags.BEGINNING, (50, "tag77"), {"tag_count_pkey"}),
    "listActors": (list_actors.NEWEST, (*NEWEST, 51), {"account_newest"}),
    "getRelated": (
        get_related.CANDIDATES,
        ("at://did:plc:p1/fm.plyr.track/0", "did:plc:p1", ["tag7", "tag8"]),
        {"related_pkey", "track_by_author", "track_tag_latest"},
    ),
    "a chart": (rankings.CURRENT, ("chart 7", 50), {"ranking_current"}),
    "a chart by its cursor": (
        rankings.NAMED,
        ("00000000-0000-4000-8000-000000000000", 1, 50),
        {"ranking_pkey"},
    ),
    "an order that was taken": (rankings.TAKEN, ("chart 7", 50), {"ranking_reused"}),
    "getStatus": (get_status.QUARANTINED, (), {"record_quarantined"}),
}


TABLES = (
    "track",
    '"like"',
    "comment",
    "list",
    "link",
    "record",
    "track_tag",
    "tag_count",
    "ranking",
    "related",
)


async def test_each_list_query_names_its_index(pool: Pool) -> None:
    await pool.execute(FILL)
    async with pool.acquire() as connection:
        for mode in ("force_custom_plan", "force_generic_plan"):
            await connection.execute(f"set plan_cache_mode = {mode}")
            for name, (sql, arguments, indexes) in QUERIES.items():
                lines = await connection.fetch(f"explain {sql}", *arguments)
                plan = "\n".join(line[0] for line in lines)
                for index in indexes:
                    assert f" {index} " in plan, f"{name}, {mode}:\n{plan}"
                for table in TABLES:
                    assert f"Seq Scan on {table}" not in plan, f"{name}, {mode}:\n{plan}"


@pytest.mark.parametrize("limit", [1, 100])
async def test_the_planners_limit_never_cuts_a_page(pool: Pool, limit: int) -> None:
    await pool.execute(FILL)
    for name, (sql, arguments, _) in QUERIES.items():
        if "limit 101" in sql:
            rows = await pool.fetch(sql, *arguments[:-1], limit + 1)
            assert 0 < len(rows) <= limit + 1, name
    rows = await pool.fetch(get_latest.SQL, *QUERIES["getLatest"][1][:-1], limit + 1)
    assert len(rows) == limit + 1
