"""Each statement that a query puts to a large index reads an index, and no more of it than it must.

A new endpoint has its line in ASKED: what to ask it, and the indexes that its lists go by.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from appview.app import ENDPOINTS, create_app
from appview.context import AppSettings
from bench import catalogue
from indexer.search.follow import Search
from lexicons.catalog import Catalog
from migrations.database import Pool, create_pool
from tests.appview.conftest import Client
from tests.appview.makers import AN_AUDIO_CID
from tests.appview.plans import (
    MODES,
    Node,
    nodes,
    plan,
    sentence,
    sorted_rows,
    touched,
)
from tests.appview.served import asking
from tests.appview.statements import Counted, Statement
from tests.databases import new_database

TRACKS = 10_000
LARGE = 500
"""From so many rows on a table is not read through, nor are so many sorted."""

MANY = 2_500
"""More than a page of fifty has reason to look at, its summaries included."""

# Many quiet people, and a busy one: long albums, many lists, all of them with the same track.
EXTREMES = """
set session_replication_role = replica;
insert into account (did, handle) values ('did:plc:busy', 'busy.test');
insert into account (did, handle)
select 'did:plc:quiet' || n, 'quiet' || n || '.test' from generate_series(1, 40000) as n;
insert into track (
    uri, did, rkey, cid, title, artist, album, album_key, file_type, audio_cid, features, tags,
    created_at, sort_at, indexed_at
)
select
    'at://did:plc:busy/fm.plyr.track/' || n, 'did:plc:busy', n::text, '{cid}', 't', 'a', 'Endless',
    case when n > 500 then 'endless' else 'album ' || n end, 'mp3', '{cid}', array['did:plc:busy'],
    array['busy'], '2026-01-01T00:00:00Z', timestamptz '2020-01-01' + n * interval '1 minute', now()
from generate_series(1, 2000) as n;
insert into track (
    uri, did, rkey, cid, title, artist, file_type, created_at, sort_at, indexed_at
)
select
    'at://did:plc:quiet' || n || '/fm.plyr.track/1', 'did:plc:quiet' || n, '1', '{cid}', 't', 'a',
    'mp3', '2026-01-01T00:00:00Z', timestamptz '2020-01-01' + n * interval '1 minute', now()
from generate_series(1, 40000) as n;
insert into track_tag (track_uri, tag, sort_at)
select uri, 'busy', sort_at from track where did = 'did:plc:busy';
insert into album select distinct did, title_key from named_album on conflict do nothing;
insert into list (
    uri, did, rkey, cid, name, list_type, last_name, last_list_type, title_key, item_count,
    created_at, sort_at, indexed_at
)
select
    'at://did:plc:busy/fm.plyr.list/' || n, 'did:plc:busy', n::text, '{cid}', 'l', kind, 'l', kind,
    'l', 1, '2026-01-01T00:00:00Z', timestamptz '2020-01-01' + n * interval '1 minute', now()
from generate_series(1, 2000) as n
cross join lateral (select case when n % 2 = 0 then 'playlist' else 'liked' end as kind) as kinds;
insert into list (
    uri, did, rkey, cid, name, list_type, item_count, created_at, sort_at, indexed_at
)
select
    'at://did:plc:quiet' || n || '/fm.plyr.list/1', 'did:plc:quiet' || n, '1', '{cid}', 'l',
    'playlist', 0, '2026-01-01T00:00:00Z', timestamptz '2020-01-01' + n * interval '1 minute', now()
from generate_series(1, 40000) as n;
insert into list_item (list_uri, position, subject, subject_cid, sort_at, last_list_type)
select uri, 0, 'at://did:plc:busy/fm.plyr.track/1', '{cid}', sort_at, list_type
from list
where did = 'did:plc:busy';
insert into link (uri, subject, kind, did, counted, made_at)
select list_uri, subject, 'list', 'did:plc:busy', true, sort_at
from list_item
where subject = 'at://did:plc:busy/fm.plyr.track/1';
insert into subject_count (subject, in_lists) values ('at://did:plc:busy/fm.plyr.track/1', 2000);
-- Somebody with thousands of albums of one title, and of playlists with a track on no album.
insert into account (did, handle) values ('did:plc:prolific', 'prolific.test');
insert into track (
    uri, did, rkey, cid, title, artist, album, album_key, file_type, created_at, sort_at, indexed_at
)
select
    'at://did:plc:prolific/fm.plyr.track/' || n, 'did:plc:prolific', n::text, '{cid}', 't', 'a',
    case when n = 1 then 'Often' end, case when n = 1 then 'often' end, 'mp3',
    '2026-01-01T00:00:00Z', timestamptz '2020-01-01' + n * interval '1 minute', now()
from generate_series(1, 2) as n;
insert into list (
    uri, did, rkey, cid, name, list_type, last_name, last_list_type, title_key, item_count,
    created_at, sort_at, indexed_at
)
select
    'at://did:plc:prolific/fm.plyr.list/' || n, 'did:plc:prolific', n::text, '{cid}', 'Often', kind,
    'Often', kind, 'often', 1, '2026-01-01T00:00:00Z',
    timestamptz '2020-01-01' + n * interval '1 minute', now()
from generate_series(1, 6000) as n
cross join lateral (select case when n % 2 = 0 then 'playlist' else 'album' end as kind) as kinds;
insert into list_item (list_uri, position, subject, subject_cid, sort_at, last_list_type)
select uri, 0, 'at://did:plc:prolific/fm.plyr.track/2', '{cid}', sort_at, list_type
from list
where did = 'did:plc:prolific' and list_type = 'playlist';
insert into link (uri, subject, kind, did, counted, made_at)
select list_uri, subject, 'list', 'did:plc:prolific', true, sort_at
from list_item
where subject = 'at://did:plc:prolific/fm.plyr.track/2';
insert into subject_count (subject, in_lists)
values ('at://did:plc:prolific/fm.plyr.track/2', 3000);
insert into account_count (did) select did from account on conflict do nothing;
insert into profile (did, uri, cid, created_at, indexed_at)
select did, 'at://' || did || '/fm.plyr.actor.profile/self', '{cid}', '2026-01-01T00:00:00Z', now()
from account
on conflict do nothing;
insert into bsky_profile (did, uri, cid, display_name, indexed_at)
select did, 'at://' || did || '/app.bsky.actor.profile/self', '{cid}', 'Quiet', now()
from account
on conflict do nothing;
insert into derived.ranking (chart, subjects)
select chart, (select array_agg(uri) from (select uri from track limit 1000) as any_of_them)
from unnest(array['top likes week', 'top likes all', 'trending']) as chart;
insert into derived.ranking (chart, subjects)
select chart, (select array_agg(did) from (select did from account limit 1000) as any_of_them)
from unnest(array['actors tracks', 'actors likes-received']) as chart;
insert into derived.related (uri, tracks, likes_then)
select subject, (select array_agg(uri) from (select uri from track limit 50) as any_of_them), likes
from subject_count
where likes > 0;
reset session_replication_role;
"""
BUSY = {"actor": "did:plc:busy"}
SONG = {"uri": "at://did:plc:busy/fm.plyr.track/1"}
OFTEN, ON_NO_ALBUM = (f"at://did:plc:prolific/fm.plyr.track/{rkey}" for rkey in (1, 2))
LIKED = {"uri": "$liked"}
"""Stands for the track with the most likes."""


@dataclass(frozen=True, slots=True)
class Asked:
    params: dict[str, Any]
    indexes: set[str]
    reads_whole: str | None = None
    """Where figures of everything are asked for."""


def asked(*indexes: str, reads_whole: str | None = None, **params: Any) -> Asked:
    return Asked(params, set(indexes), reads_whole)


ASKED: dict[str, list[Asked]] = {
    "actor.getProfile": [asked("account_by_did", **BUSY)],
    "actor.getProfiles": [asked("account_by_did", actors=["did:plc:busy"])],
    "actor.listActors": [
        asked("account_newest"),
        *[asked(sort=sort) for sort in ("tracks", "likes-received")],
    ],
    "feed.getActivity": [asked(), asked(**BUSY)],
    "feed.getActorLikes": [asked("like_by_author", actor="$liker")],
    "feed.getActorTracks": [
        # A ranking of all that an author has made, taken anew for each walk.
        asked("track_by_author", "link_one_like", actor="$author", sort="top"),
        *[asked("track_by_author", **BUSY, sort=sort) for sort in ("newest", "oldest")],
        *[
            asked("track_by_author", "track_by_feature", **BUSY, sort=sort, includeFeatures="true")
            for sort in ("newest", "oldest")
        ],
    ],
    "feed.getComments": [
        asked("comment_by_timestamp", **LIKED),
        *[asked("comment_by_time", **LIKED, sort=sort) for sort in ("newest", "oldest")],
    ],
    "feed.getLatest": [asked("track_latest"), asked("track_latest", playable="true")],
    "feed.getLikes": [asked("like_by_subject", **LIKED)],
    "feed.getRelated": [asked("related_pkey", **LIKED)],
    "feed.getTagFeed": [asked("track_tag_latest", tag="busy")],
    "feed.getTop": [asked(), asked(window="all")],
    "feed.getTrack": [
        asked("track_by_uri", **LIKED),
        asked("list_by_title", uri=OFTEN),
        asked("link_by_subject", uri=ON_NO_ALBUM),
    ],
    "feed.getTracks": [asked("track_by_uri", uris=[SONG["uri"], "$liked"])],
    "feed.getTrending": [asked()],
    "feed.listTags": [asked()],
    "library.getActorAlbums": [asked("album_pkey", "track_by_album", "list_by_title", **BUSY)],
    "library.getActorLists": [
        asked("list_by_author", **BUSY),
        asked("list_by_author", **BUSY, listType="playlist"),
    ],
    "library.getAlbum": [
        asked("track_by_album", **BUSY, title="Album 7"),
        asked("list_item_pkey", uri="$album"),
    ],
    "library.getLatestLists": [
        asked("list_latest"),
        asked("list_latest_of_type", listType="album"),
    ],
    "library.getList": [asked("list_item_pkey", uri="$playlist")],
    "library.getLists": [asked("list_pkey", uris=["$playlist", "$album"])],
    "library.getListsContaining": [
        asked("list_item_by_subject", **SONG),
        asked("list_item_by_subject", **SONG, listType="liked"),
        asked("link_by_subject", **LIKED, **BUSY),
    ],
    "playback.getPlayback": [asked("track_by_uri", **LIKED)],
    "playback.getPlaybacks": [asked("track_by_uri", uris=[SONG["uri"], "$liked"])],
    "search.searchActors": [asked("account_by_did", q="$name")],
    "search.searchAlbums": [asked("track_by_album", "list_by_title", q="$named")],
    "search.searchAll": [asked("track_by_uri", "account_by_did", q="$title")],
    "search.searchLists": [asked("list_pkey", "list_item_pkey", q="$list")],
    "search.searchTracks": [
        asked("track_by_uri", q="$title"),
        asked("track_by_uri", q="$theirs", author="$author"),
        asked("track_by_uri", q="$title", sort="newest"),
        asked("search_word_parts", q="$title", until="2023-12-22T00:00:00Z"),
        asked("search_word_misspelt", "search_word_parts", "track_by_uri", q="$slip"),
        asked("search_word_misspelt", "track_by_uri", q="$slip", sort="newest"),
    ],
    "search.typeahead": [asked("track_by_uri", "account_by_did", q="$start"), asked(q="$slip")],
    "stats.getNetworkStats": [asked()],
    "sync.getRecordStatus": [asked("record_pkey", **LIKED)],
    "sync.getStatus": [asked("record_quarantined", reads_whole="repo")],
}
ELSEWHERE = {
    "com.atproto.label.queryLabels": "ranges of one primary key",
    "parts.page.mention.search": "as search.typeahead",
    "fm.plyr.playback.getBlob": "one blob",
    "fm.plyr.playback.getPlaylistFile": "one list, as library.getList",
    "fm.plyr.sync.requestRepo": "one repo",
}
CANDIDATES = "derived.search_candidates"
"""A function that looks at one shelf after the other; what it does for each is this."""
SHELF = "select * from derived.search_document where terms @@ $1 limit $2"

PLACES = {
    "$liked": "select subject from subject_count order by likes desc, subject limit 1",
    "$liker": "select did from account_count order by likes_given desc, did limit 1",
    "$album": """
        select uri from list where list_type = 'album' order by item_count desc, uri limit 1
    """,
    "$playlist": """
        select uri from list where list_type = 'playlist' order by item_count desc, uri limit 1
    """,
    "$author": """
        select did from account_count where tracks between 50 and 100 order by did limit 1
    """,
    "$name": """
        select display_name from bsky_profile where display_name <> 'Quiet' order by did limit 1
    """,
    "$title": """
        select title from track where title ~ '^[a-zA-Z]{6,} [a-zA-Z]{5,}' order by uri limit 1
    """,
    "$theirs": """
        select title
        from track
        join account_count using (did)
        where tracks between 50 and 100
        order by did
        limit 1
    """,
    "$start": "select left(title, 3) from track where title ~ '^[a-zA-Z]{6}' order by uri limit 1",
    "$list": "select name from list where list_type = 'playlist' and did <> 'did:plc:busy' limit 1",
    "$named": "select name from list where list_type = 'album' order by uri limit 1",
    # Its first two letters swapped.
    "$slip": """
        select substr(title, 2, 1) || left(title, 1) || substr(title, 3)
        from track where title ~ '^[a-zA-Z]{8,}$' order by uri limit 1
    """,
}


@dataclass(frozen=True, slots=True)
class Large:
    """The program over a large index, noting what it asks Postgres."""

    client: Client
    pool: Pool
    counted: Counted
    places: dict[str, str]

    async def ask(self, method: str, params: dict[str, Any]) -> list[Statement]:
        found = {
            name: [self.places.get(each, each) for each in value]
            if isinstance(value, list)
            else self.places.get(value, value)
            for name, value in params.items()
        }
        self.counted.take()
        await self.client.ask(method, **found)
        return self.counted.take()


@pytest.fixture(scope="module")
async def large(
    postgres_url: str, template: str, tmp_path_factory: pytest.TempPathFactory, catalog: Catalog
) -> AsyncIterator[Large]:
    settings = AppSettings("https://music.test", "1", tmp_path_factory.mktemp("data"))
    counted = Counted()
    async with new_database(postgres_url, template) as url:
        await catalogue.fill(url, TRACKS)
        async with (
            create_pool(url, min_size=1, max_size=2) as pool,
            asyncpg.create_pool(url, min_size=1, max_size=1, init=counted.watch) as asked,
        ):
            await Search(pool).follow()
            await pool.execute(EXTREMES.replace("{cid}", AN_AUDIO_CID))
            await pool.execute("vacuum analyze")
            places = {name: await pool.fetchval(sql) for name, sql in PLACES.items()}
            async with asking(create_app(settings, asked, catalog, None)) as http:
                yield Large(Client(http, catalog), pool, counted, places)


def test_every_endpoint_is_asked() -> None:
    names = {each.nsid for each in ENDPOINTS}
    assert names - ELSEWHERE.keys() == {f"fm.plyr.{name}" for name in ASKED}


@pytest.mark.parametrize(
    ("method", "asked"), [(method, each) for method, many in ASKED.items() for each in many]
)
async def test_each_statement_goes_by_an_index(large: Large, method: str, asked: Asked) -> None:
    statements = await large.ask(method, asked.params)
    assert 0 < len(statements) <= 5
    indexes, too_much = set(), []
    for statement in statements:
        for mode in MODES:
            for node in nodes(await plan(large.pool, statement, mode)):
                indexes.add(node.get("Index Name"))
                if is_too_much(node) and node.get("Relation Name") != asked.reads_whole:
                    too_much.append(f"{mode}: {sentence(node)} in {statement.sql}")
    assert not too_much, "\n".join(too_much)
    assert asked.indexes <= indexes


@pytest.mark.parametrize(
    "narrowed", [{}, {"sort": "newest"}, {"until": "2023-12-22T00:00:00Z", "minDurationMs": 9}]
)
async def test_a_shelf_is_read_by_its_index_alone(large: Large, narrowed: dict[str, Any]) -> None:
    source = await large.pool.fetchval(
        "select prosrc from pg_proc where oid = $1::regproc", CANDIDATES
    )
    assert SHELF.replace("$1", "queries[place]").replace("$2", "most") in source
    (statement, *_) = await large.ask("search.searchTracks", {"q": "$title", **narrowed})
    assert CANDIDATES in statement.sql
    for shelf in statement.arguments[1][0].splitlines():
        found = list(nodes(await plan(large.pool, Statement(SHELF, (shelf, 2_000)), MODES[1])))
        assert "search_document_terms" in {node.get("Index Name") for node in found}
        assert not any(map(is_too_much, found)), shelf


def is_too_much(node: Node) -> bool:
    reads_whole = node["Node Type"] == "Seq Scan" and touched(node) >= LARGE
    return reads_whole or sorted_rows(node) >= LARGE or touched(node) >= MANY


LONG = {
    "feed.getActorTracks": ("feed", BUSY),
    "feed.getLatest": ("feed", {}),
    "feed.getTagFeed": ("feed", {"tag": "busy"}),
    "library.getActorAlbums": ("albums", BUSY),
    "library.getActorLists": ("lists", BUSY),
    "library.getAlbum": ("items", {**BUSY, "title": "endless"}),
    "library.getLatestLists": ("lists", {}),
    "library.getListsContaining": ("lists", SONG),
}


@pytest.mark.parametrize("limit", [1, 100])
@pytest.mark.parametrize("method", LONG)
async def test_the_planners_limit_never_cuts_a_page(large: Large, method: str, limit: int) -> None:
    items, params = LONG[method]
    answer = await large.client.ask(method, **params, limit=limit)
    assert len(answer[items]) == limit
    assert "cursor" in answer
