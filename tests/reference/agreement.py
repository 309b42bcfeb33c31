"""Whether the program says what the PDS and the PLC directory say, all of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import httpx

from tests.reference import expected
from tests.reference.expected import Held, World, read_world
from tests.reference.network import Network, Refused
from tests.reference.program import Program
from tests.reference.records import COLLECTIONS, LIST, TRACK

AGREE_SECONDS = 30
URIS_MAX = 50
ACTORS_MAX = 25
AT_ONCE = 20


async def agree(program: Program, network: Network, seconds: float = AGREE_SECONDS) -> World:
    """Wait until every answer is what it must be, or fail with the difference."""
    world = await read_world(network)
    await eventually(lambda: assert_agreement(program, world), seconds)
    return world


async def eventually(check: Callable[[], Awaitable[None]], seconds: float = AGREE_SECONDS) -> None:
    """Repeat a check until it passes; past the bound, its own failure is the message.

    Who is asked for what is not there yet refuses, and who has just been started may hang up.
    """
    begun = time.monotonic()
    failures: list[str] = []
    while True:
        try:
            return await check()
        except (AssertionError, Refused, httpx.TransportError) as error:
            failures.append(f"{time.monotonic() - begun:.1f} s: {repr(error)[:200]}")
            if time.monotonic() > begun + seconds:
                error.add_note("\n".join([f"checked {len(failures)} times:", *failures[-20:]]))
                raise
        await asyncio.sleep(0.1)


async def assert_agreement(program: Program, world: World) -> None:
    order = expected.expected_order(world)
    assert differences(await tracks(program, order), expected.expected_tracks(world)) == {}
    latest = await program.pages("fm.plyr.feed.getLatest", "feed")
    assert uris_in_feed(latest) == order
    liked = expected.shown_likers(world)
    assert differences(await likers(program, liked), liked) == {}
    assert differences(await comments(program, world), expected.expected_comments(world)) == {}
    assert differences(await lists(program, world), expected.expected_lists(world)) == {}
    assert differences(await profiles(program, world), expected.expected_profiles(world)) == {}
    for did in world.dids:
        await assert_feeds_agree(program, world, did)
    await assert_statuses_agree(program, world)


def differences(said: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What is said and what it should be, where they part; of a mapping only the fields that do."""
    found: dict[str, Any] = {}
    for key in sorted(said.keys() | wanted.keys()):
        match said.get(key), wanted.get(key):
            case dict() as ours, dict() as theirs:
                if nested := differences(ours, theirs):
                    found[key] = nested
            case ours, theirs if ours != theirs:
                found[key] = {"said": ours, "wanted": theirs}
    return found


async def assert_feeds_agree(program: Program, world: World, did: str) -> None:
    made = await program.pages("fm.plyr.feed.getActorTracks", "feed", actor=did)
    assert uris_in_feed(made) == expected.expected_order(world, did)
    liked = uris_in_feed(await program.pages("fm.plyr.feed.getActorLikes", "feed", actor=did))
    assert set(liked) == expected.expected_actor_likes(world, did)
    assert len(liked) == len(set(liked))
    named = world.handles[did]
    found = await program.pages("fm.plyr.library.getActorLists", "lists", actor=named)
    assert {item["uri"] for item in found} == {item.uri for item in world.of(LIST, did)}


async def assert_statuses_agree(program: Program, world: World) -> None:
    shown = [record for name in COLLECTIONS for record in world.records[name]]
    wanted = [(record, "shown") for record in shown]
    wanted += [(record, "invalid") for record in world.invalid]
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        await asyncio.gather(*(assert_status(program, record, state) for record, state in some))


async def assert_status(program: Program, record: Held, state: str) -> None:
    status = await program.get("fm.plyr.sync.getRecordStatus", uri=record.uri)
    assert (status["state"], status["cid"]) == (state, record.cid)
    assert ("reason" in status) == (state != "shown")


async def tracks(program: Program, uris: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for some in in_portions(uris, URIS_MAX):
        answer = await program.get("fm.plyr.feed.getTracks", uris=some)
        assert answer["missing"] == []
        assert [view["uri"] for view in answer["tracks"]] == list(some)
        found |= {
            view["uri"]: {
                "cid": view["cid"],
                "record": view["record"],
                "title": view["title"],
                "author": (view["author"]["did"], view["author"]["handle"]),
                "likes": view["likeCount"],
                "comments": view["commentCount"],
                "lists": view["inListsCount"],
            }
            for view in answer["tracks"]
        }
    return found


async def likers(program: Program, uris: Iterable[str]) -> dict[str, set[str]]:
    found = {}
    for uri in uris:
        views = await program.pages("fm.plyr.feed.getLikes", "likes", uri=uri)
        dids = [view["actor"]["did"] for view in views]
        assert len(dids) == len(set(dids))
        found[uri] = set(dids)
        total = (await program.get("fm.plyr.feed.getLikes", uri=uri))["total"]
        assert total == len(dids)
    return found


async def comments(program: Program, world: World) -> dict[str, list[tuple[int, str, str]]]:
    found = {}
    for track in world.records[TRACK]:
        views = await program.pages(
            "fm.plyr.feed.getComments", "comments", uri=track.uri, sort="timestamp"
        )
        found[track.uri] = [(view["timestampMs"], view["uri"], view["text"]) for view in views]
    return found


async def lists(program: Program, world: World) -> dict[str, Any]:
    found = {}
    for held in world.records[LIST]:
        items = await program.pages("fm.plyr.library.getList", "items", uri=held.uri)
        view = (await program.get("fm.plyr.library.getList", uri=held.uri))["list"]
        found[held.uri] = {
            "cid": view["cid"],
            "name": view["name"],
            "author": view["author"]["did"],
            "items": [
                (item["subject"]["uri"], item["item"]["$type"].endswith("#trackView"))
                for item in items
            ],
        }
    return found


async def profiles(program: Program, world: World) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for some in in_portions(sorted(world.dids), ACTORS_MAX):
        answer = await program.get("fm.plyr.actor.getProfiles", actors=some)
        assert answer["missing"] == []
        found |= {
            view["did"]: {
                "handle": view["handle"],
                "displayName": view.get("displayName"),
                "bio": view.get("bio"),
                "tracks": view["trackCount"],
                "lists": view["listCount"],
                "likesGiven": view["likesGiven"],
                "likesReceived": view["likesReceived"],
            }
            for view in answer["profiles"]
        }
    return found


def uris_in_feed(feed: Sequence[Any]) -> list[str]:
    return [item["track"]["uri"] for item in feed]


def in_portions(items: Sequence[str], size: int) -> list[Sequence[str]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
