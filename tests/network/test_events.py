"""The event stream of an indexer and two servers, each a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import websockets

from tests.appview.streams import Json, message_of
from tests.network.makers import like, profile, track
from tests.network.program import Program
from tests.network.world import Person, World
from tests.support import wait_until


@dataclass(slots=True)
class Site:
    world: World
    indexer: Program
    servers: tuple[Program, Program]

    async def seqs(self) -> list[int]:
        rows = await self.indexer.rows("select seq from stream.event order by seq")
        return [row["seq"] for row in rows]

    async def waiting(self) -> int:
        rows = await self.indexer.rows("select count(*) from stream.outbox")
        return int(rows[0][0])

    async def settled(self, seq: int) -> None:
        """Wait until everything told so far is written, and everything written is numbered."""
        await self.indexer.reaches(seq)

        async def numbered() -> bool:
            return await self.waiting() == 0

        await wait_until(numbered)


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with (
        World.open() as world,
        Program(world, database_url, tmp_path / "index", "index") as indexer,
        Program(world, database_url, tmp_path / "serve1", "serve") as one,
        Program(world, database_url, tmp_path / "serve2", "serve") as other,
    ):
        for program in (indexer, one, other):
            await program.start()
        await wait_until(lambda: world.relay.subscribers)
        yield Site(world, indexer, (one, other))


async def heard(server: Program, count: int, cursor: int = 0) -> list[Json]:
    url = f"{server.url.replace('http', 'ws', 1)}/xrpc/fm.plyr.sync.subscribeEvents"
    async with websockets.connect(f"{url}?cursor={cursor}", proxy=None) as socket:
        async with asyncio.timeout(20):
            return [message_of(await socket.recv(decode=False)) for _ in range(count)]


async def record_events(site: Site) -> list[tuple[str, str]]:
    rows = await site.indexer.rows(
        """
        select action, 'at://' || did || '/' || collection || '/' || rkey as uri
        from stream.event
        where kind = 'record'
        order by seq
        """
    )
    return [(row["action"], row["uri"]) for row in rows]


async def test_every_server_tells_the_same_in_the_same_order(site: Site) -> None:
    alice, bob = await site.world.person("alice"), await site.world.person("bob")
    song = await alice.write(track("Sea"))
    following = [
        asyncio.create_task(heard(server, 5, cursor=0)) for server in (*site.servers, *site.servers)
    ]
    await site.indexer.reaches(site.world.relay.seq)
    await bob.write(like(song))
    await alice.update(song, track("Lake"))
    await alice.write(profile("A singer"))
    await alice.delete(song)
    by_client = await asyncio.gather(*following)
    uris = [(event.get("action"), event.get("uri")) for event in by_client[0] if "uri" in event]
    assert uris[0] == ("create", song.uri)
    first = [event["seq"] for event in by_client[0]]
    assert all([event["seq"] for event in events] == first for events in by_client)
    await site.settled(site.world.relay.seq)
    assert (await site.seqs())[:5] == first


async def test_an_indexer_killed_between_commit_and_number_loses_and_doubles_nothing(
    site: Site,
) -> None:
    alice = await site.world.person("alice")
    written = [await alice.write(track(f"Before {number}")) for number in range(5)]
    await site.settled(site.world.relay.seq)
    told = await site.seqs()
    following = asyncio.create_task(heard(site.servers[0], len(told) + 20))

    holding = await asyncpg.connect(site.indexer.database_url)
    numbering = holding.transaction()
    await numbering.start()
    await holding.execute("select from stream.state for update")
    written += [await alice.write(track(f"Between {number}")) for number in range(10)]
    await site.indexer.reaches(site.world.relay.seq)
    assert await site.waiting() >= 10
    await site.indexer.kill()
    await numbering.rollback()
    await holding.close()

    assert await site.seqs() == told
    await site.indexer.start()
    await wait_until(lambda: site.world.relay.subscribers)
    written += [await alice.write(track(f"After {number}")) for number in range(10)]
    await site.settled(site.world.relay.seq)
    creates = [event for event in await record_events(site) if event[0] == "create"]
    assert creates == [("create", one.uri) for one in written]
    seqs = await site.seqs()
    assert [event["seq"] for event in await following] == seqs[: len(told) + 20]
    for server in site.servers:
        rest = await heard(server, len(seqs) - len(told), cursor=told[-1])
        assert [event["seq"] for event in rest] == seqs[len(told) :]


async def test_who_follows_holds_what_is_shown_though_the_indexer_is_killed_again_and_again(
    site: Site,
) -> None:
    people = [await site.world.person(name) for name in ("alice", "bob", "carol")]
    for person in people:
        await person.write(track("First"))
    await site.settled(site.world.relay.seq)
    for number in range(2):
        await _write_some(people, number)
        await site.indexer.kill()
        await _write_some(people, number + 1)
        await site.indexer.start()
        await wait_until(lambda: site.world.relay.subscribers)
    await site.settled(site.world.relay.seq)
    mirror: dict[str, str] = {}
    seqs = await site.seqs()
    for event in await heard(site.servers[1], len(seqs)):
        if event.get("action") == "delete":
            del mirror[event["uri"]]
        elif "uri" in event:
            assert (event["action"] == "create") == (event["uri"] not in mirror)
            mirror[event["uri"]] = event["cid"]
    rows = await site.indexer.rows(
        """
        select 'at://' || did || '/' || collection || '/' || rkey as uri, cid
        from record
        where counted
        """
    )
    assert mirror == {row["uri"]: row["cid"] for row in rows}


async def _write_some(people: list[Person], number: int) -> None:
    alice, bob, carol = people
    song = await alice.write(track(f"Song {number}"))
    await bob.write(like(song))
    await carol.write(profile(f"Bio {number}"))
    if number % 2:
        await alice.delete(song)
    else:
        await alice.update(song, track(f"Song {number}, remixed"))
