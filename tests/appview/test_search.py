"""What search promises besides finding: order, filters, pages, what is hidden, what is hostile."""

import time
from typing import Any

import pytest

from appview.pagination import bad_cursor
from appview.search.cursor import DEPTH, LIFETIME_SECONDS, checksum, encode
from indexer.list_sums import ListSums
from indexer.search.follow import Search
from migrations.database import Pool
from tests.appview.conftest import Client
from tests.appview.makers import Rows, at, did

MANY = 130


async def tracks(client: Client, **params: Any) -> list[str]:
    answer = await client.ask("search.searchTracks", **params)
    return [hit["track"]["title"] for hit in answer["tracks"]]


async def made(rows: Rows, *titles: str, **columns: Any) -> list[str]:
    """Tracks by alice, the later ones newer, all of them to be found."""
    if not await rows.pool.fetchval("select exists (select from account)"):
        await rows.account("alice")
    uris = [
        await rows.track("alice", **{"title": title, "artist": "Somebody", **columns})
        for title in titles
    ]
    await Search(rows.pool).follow()
    return uris


async def liked(rows: Rows, uri: str, likes: int) -> None:
    await rows.insert("subject_count", subject=uri, likes=likes)
    await Search(rows.pool).follow()


async def test_classes_come_in_their_order_whatever_is_liked(client: Client, rows: Rows) -> None:
    titles = ("Sonng", "Birdsong", "Songs of Men", "My Song", "Song")
    uris = await made(rows, *titles)
    for likes, uri in enumerate(uris):
        await liked(rows, uri, 10 ** (5 - likes))
    answer = await client.ask("search.searchTracks", q="song")
    assert [(hit["track"]["title"], hit["match"]["class"]) for hit in answer["tracks"]] == [
        ("Song", "exact"),
        ("My Song", "exact"),
        ("Songs of Men", "prefix"),
        ("Birdsong", "substring"),
        ("Sonng", "fuzzy"),
    ]


async def test_in_a_class_the_better_liked_come_first_and_then_the_newer(
    client: Client, rows: Rows
) -> None:
    uris = await made(rows, "Old Tide", "New Tide", "Liked Tide")
    await liked(rows, uris[0], 1)
    await liked(rows, uris[1], 1)
    await liked(rows, uris[2], 90)
    assert await tracks(client, q="tide") == ["Liked Tide", "New Tide", "Old Tide"]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("rock n roll", "Rock'n'Roll Star"),
        ('"rock n roll"', "Rock'n'Roll Star"),
        ("rocknroll", "Rock'n'Roll Star"),
        ("amour", "L’amour toujours"),
        ("lamour", "L’amour toujours"),
        ("l'amour", "L’amour toujours"),
        ("l amour", "L’amour toujours"),
        ("dont", "Don't"),
    ],
)
async def test_what_an_apostrophe_holds_together_is_found_together_and_apart(
    client: Client, rows: Rows, q: str, found: str
) -> None:
    await made(rows, "Rock'n'Roll Star", "L’amour toujours", "Don't", "Amoureux", "Girl's")
    assert (await tracks(client, q=q))[0] == found


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("!!!", ["!!!", "!!!!"]),
        ("÷", ["÷"]),
        ("...", ["…"]),
        ("-", ["-"]),
        ("hello ???", ["Hello!!!"]),
        ("???", []),
    ],
)
async def test_what_is_all_signs_is_found_by_them(
    client: Client, rows: Rows, q: str, found: list[str]
) -> None:
    await made(rows, "!!!", "!!!!", "÷", "…", "-", "Hello!!!")
    assert sorted(await tracks(client, q=q)) == found


@pytest.mark.parametrize(
    ("q", "of", "field"),
    [
        ("glass harbour", "exact", "title"),
        ("glass", "exact", "title"),
        ("somebody", "exact", "artist"),
        ("glass somebody", "exact", "title"),
        ("harb", "prefix", "title"),
        ("arbou", "substring", "title"),
        ("harbuor", "fuzzy", "title"),
        ("dusk", "exact", "album"),
        ("ambient", "exact", "tags"),
    ],
)
async def test_a_result_says_why_it_is_one(
    client: Client, rows: Rows, q: str, of: str, field: str
) -> None:
    await made(rows, "Glass Harbour", album="Dusk", tags=["ambient"])
    answer = await client.ask("search.searchTracks", q=q)
    assert [hit["match"] for hit in answer["tracks"]] == [{"class": of, "field": field}]


@pytest.mark.parametrize(
    ("params", "titles"),
    [
        ({"author": "bob.test"}, ["Tide by Bob"]),
        ({"author": did("bob")}, ["Tide by Bob"]),
        ({"tag": "#Ambient"}, ["Tide tagged"]),
        ({"tag": " Ambient! "}, ["Tide tagged"]),
        ({"fileType": "FLAC"}, ["Tide lossless"]),
        ({"minDurationMs": 5000}, ["Tide long"]),
        ({"maxDurationMs": 2000}, ["Tide short"]),
        ({"since": "2026-01-02T00:00:00Z"}, ["Tide of late"]),
        ({"until": "2020-01-01T00:00:00Z"}, ["Tide gone by"]),
    ],
)
async def test_filters(
    client: Client, rows: Rows, params: dict[str, str], titles: list[str]
) -> None:
    await rows.account("bob")
    await rows.account("alice")
    await rows.track("bob", title="Tide by Bob")
    await made(rows, "Tide tagged", tags=["ambient"])
    await made(rows, "Tide lossless", file_type="flac")
    await made(rows, "Tide long", duration_ms=5000)
    await made(rows, "Tide short", duration_ms=2000)
    await made(rows, "Tide of late", sort_at=at(10**5))
    await made(rows, "Tide gone by", sort_at=at(-(10**9)))
    assert len(await tracks(client, q="tide")) == 7
    assert await tracks(client, q="tide", **params) == titles


async def test_only_what_can_be_played(client: Client, rows: Rows) -> None:
    await made(rows, "Tide")
    (ours,) = await made(
        rows, "Tide on our CDN", audio_cid=None, audio_url="https://audio.plyr.fm/x.mp3"
    )
    await rows.check_source(ours, "ok")
    await made(rows, "Tide elsewhere", audio_cid=None, audio_url="https://audio.plyr.fm.evil/x")
    await made(rows, "Tide gated", gate_type="supporter")
    await made(rows, "Tide broken", audio_cid=None, audio_url="https://[")
    assert len(await tracks(client, q="tide")) == 5
    assert set(await tracks(client, q="tide", playable="true")) == {"Tide", "Tide on our CDN"}


async def test_other_orders(client: Client, rows: Rows) -> None:
    uris = await made(rows, "Tide", "Tides", "Low Tide")
    await liked(rows, uris[1], 50)
    await liked(rows, uris[0], 9)
    assert await tracks(client, q="tide") == ["Tide", "Low Tide", "Tides"]
    assert await tracks(client, q="tide", sort="newest") == ["Low Tide", "Tides", "Tide"]
    assert await tracks(client, q="tide", sort="top") == ["Tides", "Tide", "Low Tide"]
    assert await tracks(client, q="tdie", sort="newest") == ["Low Tide", "Tide"]


@pytest.mark.parametrize("limit", [1, 7, 50, 100])
async def test_R54_a_walk_keeps_the_ranking_it_began_with(
    client: Client, rows: Rows, limit: int
) -> None:
    uris = await made(rows, *(f"Tide {number}" for number in range(MANY)))
    whole = await client.ask("search.searchTracks", q="tide", limit=100)
    first = [hit["track"]["uri"] for hit in whole["tracks"]]
    walked: list[str] = []
    cursor: dict[str, str] = {}
    for place in range(MANY + 1):
        page = await client.ask("search.searchTracks", q="tide", limit=limit, **cursor)
        walked += [hit["track"]["uri"] for hit in page["tracks"]]
        if place < 3:
            await made(rows, "Tide", "Tide")
            await liked(rows, uris[place], 10_000)
        if "cursor" not in page:
            break
        cursor = {"cursor": page["cursor"]}
    assert walked[:100] == first
    assert sorted(walked) == sorted(uris)


async def test_a_cursor_shows_nothing_but_what_the_query_finds(
    client: Client, rows: Rows, pool: Pool
) -> None:
    await made(rows, "Tide", "Tide", "Secret")
    page = await client.ask("search.searchTracks", q="tide", limit=1)
    assert page["cursor"]
    question = checksum(
        "fm.plyr.search.searchTracks",
        {"q": "tide", "sort": "relevance", "playable": False},
    )
    ids = [row[0] for row in await pool.fetch("select id from derived.search_document")]
    forged = encode([*ids, 2**50], time.time(), question)
    assert await tracks(client, q="tide", cursor=forged) == ["Tide", "Tide"]
    old = encode(ids, time.time() - LIFETIME_SECONDS - 5, question)
    assert await client.refusal("search.searchTracks", q="tide", cursor=old) == "CursorExpired"
    other = {"q": "tides", "cursor": page["cursor"]}
    assert await client.refusal("search.searchTracks", **other) == bad_cursor("").name


async def test_R28_who_is_hidden_is_not_found(client: Client, rows: Rows) -> None:
    for name in ("alice", "bob", "carol"):
        await rows.account(name)
        await rows.bsky_profile(name, display_name=f"Tide {name}")
        await rows.track(name, title=f"Tide of {name}")
        await rows.list(name, name=f"Tide list of {name}")
    await Search(rows.pool).follow()
    before = await client.ask("search.searchAll", q="tide", limit=25)
    assert len(before["results"]) == 9
    await rows.hide("bob")
    taken = next(
        each["item"]["uri"]
        for each in before["results"]
        if each["item"].get("title") == "Tide of alice"
    )
    await rows.take_down(taken)
    after = await client.ask("search.searchAll", q="tide", limit=25)
    assert len(after["results"]) == 5
    assert "bob" not in repr(after)
    assert await tracks(client, q="tide") == ["Tide of carol"]
    typed = await client.ask("search.typeahead", q="tid")
    assert [len(typed[kind]) for kind in ("actors", "tracks", "lists", "albums")] == [2, 1, 2, 0]


async def test_albums_are_found_whether_a_list_names_them_or_not(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice", handle="alice.test")
    await rows.bsky_profile("alice", display_name="Alice Grün")
    await rows.track("alice", title="x", album="Low Tide")
    await rows.track("alice", title="y", album="High Water")
    await Search(rows.pool).follow()
    for q in ("low tide", "tide grun", "alice low", "tdie"):
        answer = await client.ask("search.searchAlbums", q=q)
        assert [(album["title"], album["derived"]) for album in answer["albums"]] == [
            ("Low Tide", True)
        ], q
    typed = await client.ask("search.typeahead", q="low t", types=["album"])
    assert [album["title"] for album in typed["albums"]] == ["Low Tide"]


async def test_phrases_and_what_is_not_wanted(client: Client, rows: Rows) -> None:
    await made(rows, "Black Sun", "Sun of Black", "Black Sun (Live)")
    assert await tracks(client, q='"black sun"') == ["Black Sun", "Black Sun (Live)"]
    assert await tracks(client, q="sun -live") == ["Sun of Black", "Black Sun"]
    assert await tracks(client, q='sun -"black sun"') == ["Sun of Black"]
    await made(rows, "夜空の星", "空の夜空")
    assert await tracks(client, q='"夜空の"') == ["夜空の星"]


async def test_beginnings_of_several_words_are_enough(client: Client, rows: Rows) -> None:
    await made(rows, "Glass Harbour", "Glazed Hallway")
    for q in ("gl ha", "gla har", "glas harb"):
        assert (await tracks(client, q=q))[-1] == "Glass Harbour", q
    assert await tracks(client, q="gla har") == ["Glass Harbour"]


async def test_a_short_word_forgives_one_slip(client: Client, rows: Rows) -> None:
    await made(rows, "Harbour Lights")
    assert await tracks(client, q="lihgts") == ["Harbour Lights"]
    assert await tracks(client, q="lixgts") == []


async def test_what_others_have_written_so_is_at_most_one_slip(client: Client, rows: Rows) -> None:
    await made(rows, "Wanderlust", "Wanderlost", "Wanderlots")
    assert await tracks(client, q="wanderlust") == ["Wanderlust", "Wanderlost"]
    assert await tracks(client, q="wanderlaat") == ["Wanderlost", "Wanderlust"]


async def test_many_of_the_very_title_leave_room_for_others(client: Client, rows: Rows) -> None:
    await made(rows, *["Tide"] * (DEPTH // 2), "Tides")
    page = await client.ask("search.searchTracks", q="tide", limit=100)
    assert (await tracks(client, q="tide", limit=100, cursor=page["cursor"]))[-1] == "Tides"


async def test_what_is_written_together_and_what_is_written_apart_are_found_together(
    client: Client, rows: Rows
) -> None:
    await made(rows, "Live by AC/DC", "AC DC Medley", "ACDC", "Acid")
    assert await tracks(client, q="ac/dc") == ["ACDC", "AC DC Medley", "Live by AC/DC"]


async def test_a_list_has_the_first_picture_of_its_tracks(client: Client, rows: Rows) -> None:
    plain, first, second = await made(rows, "One", "Two", "Three")
    for uri in (first, second):
        await rows.pool.execute(
            "update track set image_url = $2 where uri = $1", uri, "https://images.plyr.fm/x.webp"
        )
    await rows.list("alice", (plain, first, second), name="Evening", list_type="playlist")
    await Search(rows.pool).follow()
    answer = await client.ask("search.typeahead", q="evening")
    assert first.rpartition("/")[2] in answer["lists"][0]["artwork"]["thumb"]


async def test_a_long_list_is_not_looked_through_for_a_picture(client: Client, rows: Rows) -> None:
    (track,) = await made(rows, "One", image_url="https://images.plyr.fm/x.webp")
    await rows.list("alice", (track,), name="Evening", list_type="playlist", item_count=101)
    await Search(rows.pool).follow()
    for q in ("search.typeahead", "search.searchAll"):
        assert "artwork" not in str(await client.ask(q, q="evening", types=["list"]))
    await ListSums(rows.pool, ("audio.plyr.fm",)).follow()
    for q in ("search.typeahead", "search.searchAll"):
        assert "artwork" in str(await client.ask(q, q="evening", types=["list"]))


async def test_types_choose_what_is_looked_for(client: Client, rows: Rows) -> None:
    await made(rows, "Tide")
    await rows.list("alice", name="Tide", list_type="playlist")
    await Search(rows.pool).follow()
    both = await client.ask("search.searchAll", q="tide")
    assert [result["item"]["$type"].partition("#")[2] for result in both["results"]] == [
        "trackViewBasic",
        "listViewBasic",
    ]
    one = await client.ask("search.searchAll", q="tide", types=["list"])
    assert [result["item"]["name"] for result in one["results"]] == ["Tide"]
    lists = await client.ask("search.searchLists", q="tide", listType="album")
    assert lists["lists"] == []
    lists = await client.ask("search.searchLists", q="tide", listType="playlist")
    assert [each["name"] for each in lists["lists"]] == ["Tide"]


NOTHING = ["!!!", '""', "-tide", "%", "_", "\\", "' or 1=1 --", "a" * 300, "(" * 300, "& | !", "😀"]


@pytest.mark.parametrize("q", NOTHING)
async def test_a_query_that_means_nothing_finds_nothing(client: Client, rows: Rows, q: str) -> None:
    await made(rows, "Tide")
    assert await tracks(client, q=q) == []
    typed = await client.ask("search.typeahead", q=q)
    assert not any(typed.values())


async def test_a_common_word_is_found_with_the_best_first(rows: Rows) -> None:
    """Thousands that match cost no more than some hundred, and no better one is missed."""
    await rows.account("alice")
    await rows.pool.execute(
        """
        insert into track (
            uri, did, rkey, cid, title, artist, file_type, created_at, sort_at, indexed_at
        )
        select
            'at://did:plc:alice/fm.plyr.track/' || n, 'did:plc:alice', n::text,
            'bafyreib2rxk3rh6kzwq', 'Tide ' || n, 'a', 'mp3', '2026-01-01T00:00:00Z',
            timestamptz '2026-01-01', now()
        from generate_series(1, 6000) as n
        """
    )
    await rows.pool.execute(
        "insert into subject_count (subject, likes) select uri, rkey::bigint ^ 2 from track"
    )
    search = Search(rows.pool)
    await search.follow()
    await search.settle()
    await search.follow()
    shelves = await rows.pool.fetch(
        "select tier, count(*) from derived.search_document group by tier order by tier"
    )
    assert 0 < shelves[0]["count"] < 3000
    hits = await rows.pool.fetch(
        """
        select points
        from derived.search_candidates(
            array['t0tide', 't1tide', 't2tide', 't3tide']::text[]::tsquery[],
            array[1, 1, 1, 1]::smallint[], array['(,)']::tstzrange[], false, 300, 2000,
            null, null, '{}'
        )
        """
    )
    assert len(hits) == 300
    assert min(row["points"] for row in hits) >= 2**24 - 1
    # All that have doubled once more.
    assert sum(row["points"] >= 2**25 - 1 for row in hits) == 6000 - 5792
