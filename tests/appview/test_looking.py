"""A page looks at so many rows; if more show nothing, its cursor goes on from there."""

from typing import Any

import pytest

from migrations.database import Pool
from tests.appview.conftest import Client
from tests.appview.makers import Rows, at, did

LOOKED_AT = 2_000
GONE = "at://did:plc:gone/fm.plyr.track/*"

LIKES = """
with made as (
    insert into "like"
        (uri, did, rkey, cid, subject, subject_cid, created_at, sort_at, indexed_at)
    select
        'at://' || $1 || '/fm.plyr.like/many' || n, $1, 'many' || n, 'c',
        replace($2, '*', n::text), 'c', '',
        $4::timestamptz + n * interval '1 millisecond', now()
    from generate_series(1, $3::integer) as n
    returning *
)
insert into link (uri, subject, kind, did, counted, made_at)
select uri, subject, 'like', did, $5, sort_at from made
"""


async def walk(client: Client, method: str, items: str, **params: Any) -> tuple[list[str], int]:
    """All URIs of a walk, and how many pages it had."""
    found: list[str] = []
    pages, cursor = 0, dict[str, str]()
    while True:
        answer = await client.ask(method, **params, **cursor)
        things = [item.get("track") or item.get("list") or item for item in answer[items]]
        found += [thing.get("uri") or thing["did"] for thing in things]
        pages += 1
        if "cursor" not in answer:
            return found, pages
        cursor = {"cursor": answer["cursor"]}


@pytest.mark.parametrize(
    ("many", "pages"), [(LOOKED_AT - 2, 1), (LOOKED_AT - 1, 2), (LOOKED_AT + 1, 2)]
)
@pytest.mark.parametrize("subject", ["gone", "the same"])
async def test_liked_tracks_behind_many_that_show_nothing_are_found(
    client: Client, rows: Rows, pool: Pool, subject: str, many: int, pages: int
) -> None:
    await rows.account("alice")
    track = await rows.track("alice")
    await rows.like("alice", track, sort_at=at(1))
    repeated = track if subject == "the same" else GONE
    await pool.execute(LIKES, did("alice"), repeated, many, at(60), False)
    walked = await walk(client, "feed.getActorLikes", "feed", actor=did("alice"))
    assert walked == ([track], pages)


async def test_likers_behind_many_likes_of_one_account_are_found(
    client: Client, rows: Rows, pool: Pool
) -> None:
    await rows.account("alice")
    await rows.account("bob")
    track = await rows.track("alice")
    first = await rows.like("bob", track, sort_at=at(1))
    await pool.execute(LIKES, did("alice"), track, LOOKED_AT + 1, at(60), False)
    assert await walk(client, "feed.getLikes", "likes", uri=track) == ([first], 2)


@pytest.mark.parametrize("by", [{}, {"actor": did("alice")}], ids=["everyone", "one"])
async def test_deeds_behind_many_that_show_nothing_are_found(
    client: Client, rows: Rows, pool: Pool, by: dict[str, str]
) -> None:
    await rows.account("alice")
    before = await rows.track("alice", sort_at=at(1))
    await pool.execute(LIKES, did("alice"), GONE, LOOKED_AT + 500, at(60), True)
    after = await rows.track("alice", sort_at=at(120))
    walked = await walk(client, "feed.getActivity", "activity", **by)
    assert walked == ([after, before], 2)


async def test_deeds_of_a_full_page_come_in_order_past_many_that_show_nothing(
    client: Client, rows: Rows, pool: Pool
) -> None:
    await rows.account("alice")
    tracks = [await rows.track("alice", sort_at=at(number)) for number in range(1, 5)]
    liked = await rows.like("alice", tracks[0], sort_at=at(10))
    await pool.execute(LIKES, did("alice"), GONE, 2 * LOOKED_AT, at(60), True)
    walked, pages = await walk(client, "feed.getActivity", "activity", limit=2)
    assert walked == [liked, *reversed(tracks)]
    assert pages == 5


ALBUMS = """
insert into list (
    uri, did, rkey, cid, name, list_type, last_name, last_list_type, title_key, item_count,
    created_at, sort_at, indexed_at
)
select
    'at://' || $1 || '/fm.plyr.list/many' || n, $1, 'many' || n, 'c', 'M', 'album', 'M', 'album',
    'm' || n, 0, '', $3::timestamptz + n * interval '1 millisecond', now()
from generate_series(1, $2::integer) as n
"""


@pytest.mark.parametrize(
    ("method", "by"),
    [
        ("library.getLatestLists", {}),
        ("library.getLatestLists", {"listType": "album"}),
        ("library.getActorLists", {"actor": did("alice")}),
        ("library.getActorLists", {"actor": did("alice"), "listType": "album"}),
        ("library.getActorAlbums", {"actor": did("alice")}),
    ],
    ids=["latest", "latest-of-type", "theirs", "theirs-of-type", "albums"],
)
async def test_lists_behind_many_with_nothing_to_show_are_found(
    client: Client, rows: Rows, pool: Pool, method: str, by: dict[str, str]
) -> None:
    await rows.account("alice")
    track = await rows.track("alice")
    album = await rows.list("alice", (track,), list_type="album", name="Z", sort_at=at(1))
    await pool.execute(ALBUMS, did("alice"), LOOKED_AT + 1, at(60))
    await pool.execute("insert into album select did, title_key from list on conflict do nothing")
    items = "albums" if method.endswith("Albums") else "lists"
    assert await walk(client, method, items, **by) == ([album], 2)


TRACKS = """
with made as (
    insert into track (
        uri, did, rkey, cid, title, artist, file_type, created_at, sort_at, indexed_at
    )
    select
        'at://' || $1 || '/fm.plyr.track/many' || n, $1, 'many' || n, 'c', 'M', 'M', 'mp3', '',
        $3::timestamptz + n * interval '1 millisecond', now()
    from generate_series(1, $2::integer) as n
    returning *
)
insert into track_tag (track_uri, tag, sort_at) select uri, 'dub', sort_at from made
"""


@pytest.mark.parametrize(
    ("method", "by", "looked_at"),
    [
        ("feed.getLatest", {}, 250),
        ("feed.getLatest", {"playable": "true"}, 250),
        ("feed.getTagFeed", {"tag": "dub"}, LOOKED_AT),
    ],
    ids=["latest", "playable", "tag"],
)
async def test_tracks_behind_many_of_a_hidden_account_are_found(
    client: Client, rows: Rows, method: str, by: dict[str, str], looked_at: int
) -> None:
    await rows.account("alice")
    await rows.account("bob")
    track = await rows.track("alice", tags=["dub"], sort_at=at(1))
    await rows.hide("bob")
    for hidden, pages in ((looked_at - 2, 1), (looked_at - 1, 2), (looked_at, 2)):
        await rows.pool.execute("delete from track where did = $1", did("bob"))
        await rows.pool.execute("delete from track_tag where track_uri <> $1", track)
        await rows.pool.execute(TRACKS, did("bob"), hidden, at(60))
        assert await walk(client, method, "feed", **by) == ([track], pages)


COMMENTS = """
insert into comment (
    uri, did, rkey, cid, subject, subject_cid, text, timestamp_ms, created_at, sort_at, indexed_at
)
select
    'at://' || $1 || '/fm.plyr.comment/many' || n, $1, 'many' || n, 'c', $2, 'c', 'M', n, '',
    $4::timestamptz + n * interval '1 millisecond', now()
from generate_series(1, $3::integer) as n
"""


@pytest.mark.parametrize("sort", ["timestamp", "newest", "oldest"])
async def test_comments_behind_many_of_a_hidden_account_are_found(
    client: Client, rows: Rows, sort: str
) -> None:
    await rows.account("alice")
    await rows.account("bob")
    track = await rows.track("alice")
    last = {"timestamp_ms": 10_000, "sort_at": at(1 if sort == "newest" else 3_600)}
    comment = await rows.comment("alice", track, **last)
    await rows.pool.execute(COMMENTS, did("bob"), track, LOOKED_AT, at(60))
    await rows.hide("bob")
    asked = {"uri": track, "sort": sort}
    assert await walk(client, "feed.getComments", "comments", **asked) == ([comment], 2)


async def test_newest_comments_of_a_stretch_are_found_behind_many_elsewhere(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    track = await rows.track("alice")
    comment = await rows.comment("alice", track, timestamp_ms=10_000, sort_at=at(1))
    await rows.pool.execute(COMMENTS, did("alice"), track, LOOKED_AT, at(60))
    asked = {"uri": track, "sort": "newest", "fromMs": 9_000}
    assert await walk(client, "feed.getComments", "comments", **asked) == ([comment], 2)


ITEMS = """
insert into list_item (list_uri, position, subject, subject_cid, sort_at, last_list_type)
select uri, position, $1, 'c', sort_at, last_list_type
from list
cross join unnest($2::integer[]) as position
where rkey like 'many%'
"""


@pytest.mark.parametrize(
    ("lists", "positions", "pages"),
    [
        pytest.param(LOOKED_AT - 2, [0], 1, id="just-seen"),
        pytest.param(LOOKED_AT - 1, [0], 2, id="last"),
        pytest.param(LOOKED_AT, [0], 2, id="behind"),
        pytest.param(3, list(range(1_000)), 2, id="many-times-on-few"),
    ],
)
async def test_lists_with_a_track_are_found_behind_many_that_are_hidden(
    client: Client, rows: Rows, lists: int, positions: list[int], pages: int
) -> None:
    await rows.account("alice")
    await rows.account("bob")
    track = await rows.track("alice")
    uri = await rows.list("alice", (GONE, track), name="Z", sort_at=at(1))
    await rows.pool.execute(ALBUMS, did("bob"), lists, at(60))
    await rows.pool.execute(ITEMS, track, positions)
    await rows.hide("bob")
    walked = await walk(client, "library.getListsContaining", "lists", uri=track)
    assert walked == ([uri], pages)


@pytest.mark.parametrize(("strangers", "pages"), [(-2, 1), (-1, 2), (0, 2)])
async def test_accounts_are_found_behind_many_of_whom_nothing_is_left(
    client: Client, rows: Rows, strangers: int, pages: int
) -> None:
    await rows.account("alice", first_seen_at=at(1))
    await rows.track("alice")
    await rows.pool.execute(
        """
        insert into account (did, first_seen_at)
        select 'did:plc:stranger' || n, $2 from generate_series(1, $1::integer) as n
        """,
        LOOKED_AT + strangers,
        at(60),
    )
    walked = await walk(client, "actor.listActors", "actors", sort="newest")
    assert walked == ([did("alice")], pages)
