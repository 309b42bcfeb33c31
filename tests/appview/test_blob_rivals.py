"""One blob that several accounts reference: what one PDS does is nothing to who asks another."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from starlette.responses import Response, StreamingResponse

from appview.media.disk import Disk
from appview.media.filling import Pace
from appview.media.media import MOST_PER_HOST
from appview.media.slots import FILLS_AT_ONCE, FILLS_PER_PEER
from lexicons.cid import cid_text, raw_cid
from lexicons.syntax import Did
from migrations.database import Pool
from tests.appview.stage import GET_BLOB, UPSTREAM, Scene, in_two_pieces, noise, staged
from tests.network.http import Answer, Fault, held, status
from tests.network.world import Person
from tests.support import wait_until


@pytest.fixture
async def scene(pool: Pool, tmp_path: Path) -> AsyncIterator[Scene]:
    async with staged(pool, tmp_path) as scene:
        yield scene


async def rival(scene: Scene, fault: Fault) -> Person:
    """Somebody whose record names the blob of another, with a PDS of their own."""
    mallory = await scene.world.person("mallory")
    await mallory.move_to(await scene.world.another_pds())
    mallory.pds.faults.on(UPSTREAM, fault)
    await scene.rows.account(mallory.did)
    await scene.rows.track(mallory.did, audio_cid=scene.cid, audio_mime="audio/mpeg")
    return mallory


def asks_for(scene: Scene, did: str) -> asyncio.Task[httpx.Response]:
    return asyncio.create_task(scene.server.get(GET_BLOB, params={"did": did, "cid": scene.cid}))


@pytest.mark.parametrize(
    "fault",
    [
        lambda: in_two_pieces(noise(1_000_000, seed=9), 900_000, asyncio.Event()),
        lambda: held(asyncio.Event()),
    ],
    ids=["other sound", "silence"],
)
async def test_nobody_hears_or_waits_for_what_another_account_gives_out_as_the_blob(
    scene: Scene, fault: Callable[[], Fault]
) -> None:
    mallory = await rival(scene, fault())
    asking = asks_for(scene, mallory.did)
    await wait_until(lambda: mallory.pds.times_asked(UPSTREAM))
    heard = await asyncio.gather(scene.get(), scene.get(server=1))
    assert [one.content for one in heard] == [scene.audio] * 2
    assert scene.fetches == 1
    asking.cancel()
    with suppress(asyncio.CancelledError, httpx.HTTPError):
        await asking


async def test_what_one_account_does_not_give_is_asked_of_the_other_at_once(scene: Scene) -> None:
    mallory = await rival(scene, status(404, error="BlobNotFound"))
    assert (await asks_for(scene, mallory.did)).status_code == 502
    assert (await scene.get()).content == scene.audio
    await wait_until(scene.kept)
    assert (await asks_for(scene, mallory.did)).content == scene.audio, "and then it is proven"


def promising(length: int, data: bytes) -> Fault:
    """A host that says how much will come, gives a little of it, and then nothing."""

    async def answered(_: Answer) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield data
            await asyncio.wait_for(asyncio.Event().wait(), 30)

        return StreamingResponse(pieces(), headers={"content-length": str(length)})

    return answered


@pytest.mark.parametrize("length", [19_500_000, 20_500_000], ids=["all", "more than all"])
async def test_who_only_promises_much_takes_nobody_elses_room(
    pool: Pool, tmp_path: Path, length: int
) -> None:
    disk = Disk(tmp_path / "media", 20_000_000, 0)
    async with staged(pool, tmp_path, disks=[disk]) as scene:
        await scene.get()
        mallory = await rival(scene, promising(length, b"x" * 1_000))
        (asking,) = await asked_for_many(scene, mallory.did, 1)
        await wait_until(lambda: disk.held() > len(scene.audio) or asking.done())
        assert scene.kept()
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking


async def asked_for_many(scene: Scene, did: str, count: int) -> list[asyncio.Task[httpx.Response]]:
    """Blobs that their PDS does not give."""
    return [
        asyncio.create_task(scene.server.get(GET_BLOB, params={"did": did, "cid": cid}))
        for cid in await named(scene, did, range(count))
    ]


async def named(scene: Scene, did: str, seeds: Iterable[int]) -> list[str]:
    """The CIDs of blobs that their tracks name."""
    cids = [cid_text(raw_cid(noise(100, seed))) for seed in seeds]
    for cid in cids:
        await scene.rows.track(did, audio_cid=cid, audio_mime="audio/mpeg")
    return cids


async def test_a_host_that_answers_nothing_keeps_nobody_from_the_others(scene: Scene) -> None:
    mallory = await rival(scene, held(asyncio.Event()))
    asking = await asked_for_many(scene, mallory.did, FILLS_AT_ONCE + 8)
    await wait_until(lambda: len(scene.parts()) >= FILLS_AT_ONCE)
    assert (await scene.get()).content == scene.audio
    answers = await asyncio.gather(*asking)
    assert {answer.status_code for answer in answers} == {502}


async def test_so_many_wait_for_one_host_and_no_more(scene: Scene) -> None:
    mallory = await rival(scene, held(asyncio.Event()))
    await scene.blobs[0].sources.resolver.resolve(Did(mallory.did))
    asking = await asked_for_many(scene, mallory.did, MOST_PER_HOST + 5)
    answers = await asyncio.gather(*asking)
    told = [answer.json()["message"] for answer in answers]
    assert sum("enough to do" in one for one in told) == 5


async def test_a_host_that_stalls_gives_way_to_who_waits(scene: Scene) -> None:
    """At the same address, and by then it holds all the places that one may have."""
    slots = scene.blobs[0].media._slots
    slots.least_seconds = 0.2
    people = [await rival(scene, promising(10_000_000, b"x" * 1_000)) for _ in range(3)]
    asking = [
        asyncio.create_task(scene.server.get(GET_BLOB, params={"did": person.did, "cid": cid}))
        for number, person in enumerate(people)
        for cid in await named(scene, person.did, range(10 * number, 10 * number + 4))
    ]
    await wait_until(lambda: slots._of_peer.total() == FILLS_PER_PEER)
    assert (await scene.get()).content == scene.audio
    for one in asking:
        one.cancel()
    await asyncio.gather(*asking, return_exceptions=True)


async def test_what_gives_nothing_makes_place_when_all_places_are_taken(
    pool: Pool, tmp_path: Path
) -> None:
    async with staged(pool, tmp_path, servers=1, pace=Pace(patience_seconds=1)) as scene:
        media = scene.blobs[0].media
        media.most_fills = 2
        mallory = await rival(scene, held(asyncio.Event()))
        asking = await asked_for_many(scene, mallory.did, 2)
        await wait_until(lambda: len(media._fillings) == 2)
        assert (await scene.get()).status_code == 502, "they may come yet"
        assert {answer.status_code for answer in await asyncio.gather(*asking)} == {502}
        assert (await scene.get()).content == scene.audio
        await wait_until(lambda: len(media._fillings) == 1)
