"""R50: what a list's card adds up is what its page has, whatever became of its tracks."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from appview.context import AppSettings
from indexer.list_sums import ListSums
from tests.appview.conftest import Client
from tests.appview.makers import AN_AUDIO_CID, Rows, cid_of, did

PEOPLE = ("alice", "bob", "carol")
MEASURED, TAKEN_DOWN = cid_of({"a": "measured sound"}), cid_of({"a": "sound taken down"})
BLOBS = (None, None, AN_AUDIO_CID, MEASURED, TAKEN_DOWN)
URLS = (None, "https://audio.plyr.fm/a.mp3", "https://elsewhere.test/a.mp3")
LISTS, TRACKS = 20, 60
CHANGES = (
    "select 'nothing yet'",
    "insert into local.takedown (subject) select uri from track order by uri limit 8",
    "delete from track where uri in (select uri from track order by uri offset 4 limit 8)",
    f"insert into local.takedown (subject) values ('{did('bob')}/{TAKEN_DOWN}')",
    f"update account set upstream_active = false where did = '{did('carol')}'",
    "delete from local.takedown",
    "update account set upstream_active = true",
)


@pytest.mark.parametrize("is_followed", [True, False])
async def test_R50_a_lists_card_says_what_its_page_has(
    client: Client, rows: Rows, is_followed: bool
) -> None:
    chance = random.Random(11)
    for name in PEOPLE:
        await rows.account(name)
    await rows.insert("media.audio_fact", cid=MEASURED, size=1, duration_ms=7, has_picture=True)
    tracks = [await a_track(rows, chance) for _ in range(TRACKS)]
    tracks += [f"at://{did('alice')}/fm.plyr.track/never", f"at://{did('never')}/fm.plyr.track/1"]
    lists = [
        await rows.list("alice", tuple(chance.choices(tracks, k=chance.randrange(1, 8))))
        for _ in range(LISTS)
    ]
    told = set()
    for change in CHANGES:
        await rows.pool.execute(change)
        if is_followed:
            await follow(rows)
        for card in (await client.ask("library.getLists", uris=lists))["lists"]:
            page = await client.ask("library.getList", uri=card["uri"])
            said = {name: card.get(name) for name in ("playableCount", "durationMs", "artwork")}
            assert said == added_up(page["items"]), change
            told.add((card["playableCount"] > 0, "durationMs" in card, "artwork" in card))
    assert len(told) > 4


async def follow(rows: Rows) -> None:
    await ListSums.of(rows.pool, AppSettings("", "", Path()).trusted_media_hosts).follow()


async def test_a_card_says_what_is_kept_of_this_version_and_no_other(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    uri = await rows.list("alice", (await rows.track("alice"),))

    async def playable() -> int:
        answer = await client.ask("library.getList", uri=uri)
        count: int = answer["list"]["playableCount"]
        return count

    await follow(rows)
    await rows.pool.execute("update derived.list_sum set playable = 40")
    assert await playable() == 40
    await rows.pool.execute("update derived.list_sum set hosts = '{elsewhere.test}'")
    assert await playable() == 1
    await follow(rows)
    await rows.pool.execute("update derived.list_sum set playable = 40, hosts = '{audio.plyr.fm}'")
    await rows.pool.execute("update list set cid = $1", AN_AUDIO_CID)
    assert await playable() == 1


async def test_a_long_list_is_never_added_up_while_somebody_waits(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    track = await rows.track("alice", duration_ms=1_000)
    uri = await rows.list("alice", (track,), list_type="album", item_count=101)

    async def card() -> tuple[int, bool]:
        listed = (await client.ask("library.getLatestLists"))["lists"]
        page = (await client.ask("library.getList", uri=uri))["list"]
        assert all(each["playableCount"] == page["playableCount"] for each in listed)
        album = (await client.ask("library.getAlbum", uri=uri))["album"]
        assert album["itemCount"] == page["playableCount"]
        albums = (await client.ask("library.getActorAlbums", actor=did("alice")))["albums"]
        assert len(albums) == len(listed)
        return page["playableCount"], len(listed) == 1

    assert await card() == (0, False)
    await follow(rows)
    assert await card() == (1, True)
    await rows.pool.execute("update list set cid = $1", AN_AUDIO_CID)
    await rows.pool.execute("update derived.list_sum set playable = 2, tracks = 2")
    assert await card() == (2, True)
    await follow(rows)
    assert await card() == (1, True)


async def test_a_picture_that_is_hidden_by_now_is_on_no_card(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    await rows.account("bob")
    track = await rows.track("bob", image_url="https://images.test/1.png")
    uri = await rows.list("alice", (track,))
    await follow(rows)
    assert "artwork" in (await client.ask("library.getList", uri=uri))["list"]
    await rows.hide("bob")
    assert "artwork" not in (await client.ask("library.getList", uri=uri))["list"]


async def test_an_album_is_listed_by_what_is_kept_of_it(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    await rows.account("bob")
    await rows.list("alice", (await rows.track("bob"),), list_type="album")
    await follow(rows)
    assert len((await client.ask("library.getLatestLists"))["lists"]) == 1
    await rows.hide("bob")
    await follow(rows)
    assert (await client.ask("library.getLatestLists"))["lists"] == []


async def a_track(rows: Rows, chance: random.Random) -> str:
    uri = await rows.track(
        chance.choice(PEOPLE),
        audio_cid=chance.choice(BLOBS),
        audio_url=chance.choice(URLS),
        image_url=chance.choice([None, "https://images.test/1.png"]),
        duration_ms=chance.choice([None, *[1_000] * 4]),
        gate_type=chance.choice([None, None, None, "members"]),
    )
    await rows.check_source(uri, chance.choice(["ok", "ok", "dead", "unknown"]))
    return uri


def added_up(items: list[dict[str, Any]]) -> Mapping[str, Any]:
    """The slow twin."""
    views = [item["item"] for item in items]
    lengths = [view.get("durationMs") for view in views]
    return {
        "playableCount": sum(view.get("playability") == "playable" for view in views),
        "durationMs": None if None in lengths else sum(lengths),
        "artwork": next((view["artwork"] for view in views if "artwork" in view), None),
    }
