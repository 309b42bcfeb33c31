"""The connection to a relay that misbehaves: whatever it says, the next attempt is made."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from indexer import cursors
from indexer.relay import Relay
from indexer.subscribing import PING_SECONDS, Backoff, open_firehose
from tests.indexer.scene import Scene
from tests.network.makers import track
from tests.support import wait_until
from xrpc.client import GuardedClient


def relay_of(scene: Scene, ping_seconds: float) -> Relay:
    scene.pipeline.host = scene.world.relay.host
    return Relay(
        origin=scene.world.relay.url,
        client=scene.tools.client,
        pipeline=scene.pipeline,
        pool=scene.tools.pool,
        replay_max=timedelta(minutes=30),
        now=scene.tools.now,
        on_gap=scene.note_gap,
        ping_seconds=ping_seconds,
    )


@asynccontextmanager
async def reading(scene: Scene, ping_seconds: float = PING_SECONDS) -> AsyncIterator[Relay]:
    """The stream is read and written down until the block ends."""
    relay = relay_of(scene, ping_seconds)
    tasks = [asyncio.create_task(relay.run()), asyncio.create_task(scene.pipeline.run())]
    try:
        yield relay
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_relay_that_redirects_is_a_failed_attempt_and_no_end_of_the_program() -> None:
    def moved(_: ServerConnection, __: Request) -> Response:
        headers = Headers({"Location": "wss://elsewhere.test/", "Content-Length": "0"})
        return Response(HTTPStatus.FOUND, "Found", headers, b"")

    async def nobody(_: ServerConnection) -> None:
        raise AssertionError("not reached")

    async with (
        serve(nobody, "127.0.0.1", 0, process_request=moved) as server,
        GuardedClient(allow_private_addresses=True, user_agent="tests") as client,
    ):
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(ConnectionError, match="redirect"):
            await open_firehose(client, f"ws://127.0.0.1:{port}", None)


async def test_a_stream_that_begins_below_our_cursor_is_an_alarm(scene: Scene) -> None:
    """Some relays that start over say nothing: everything they tell would be passed over."""
    async with reading(scene) as relay:
        await wait_until(lambda: relay.connected)
        await scene.alice.write(track("Second"))
        await wait_until(lambda: scene.pipeline.settled_seq == scene.world.relay.seq)
        reached = scene.pipeline.settled_seq
    scene.world.relay.start_over()
    scene.world.relay.silent_about_cursors = True
    async with reading(scene) as relay:
        await wait_until(lambda: relay.connected)
        await scene.alice.write(track("Told under a low seq"))
        await wait_until(lambda: relay.error is not None)
        assert "FutureCursor" in str(relay.error)
    position = await cursors.load(scene.tools.pool, scene.world.relay.host)
    assert position is not None
    assert position.seq == reached


async def test_a_quiet_stream_is_listened_to_though_nothing_comes(scene: Scene) -> None:
    pool, then = scene.tools.pool, datetime(2026, 1, 2, tzinfo=UTC)
    await pool.execute(
        "insert into relay_cursor (host, seq, received_at) values ('quiet.test', 7, $1)", then
    )
    assert await cursors.load(pool, "quiet.test") == cursors.Position(7, then)
    await cursors.note_listening(pool, "quiet.test")
    position = await cursors.load(pool, "quiet.test")
    assert position is not None
    assert position.listened_at > then
    assert await pool.fetchval("select received_at from relay_cursor") == then


async def test_R40_a_gap_is_repaired_from_when_the_stream_is_there_again_and_only_once(
    scene: Scene,
) -> None:
    """Repos looked at while the relay is still away would miss what they write until it is back."""
    pool, network = scene.tools.pool, scene.world.relay
    await pool.execute(
        """
        insert into relay_cursor (host, seq, received_at)
        values ($1, 7, now() - interval '1 day')
        """,
        network.host,
    )
    await network.close()
    async with reading(scene) as relay:
        await wait_until(lambda: relay.error is not None)
        assert scene.gaps == 0
        await network.open()
        await wait_until(lambda: relay.connected)
        await wait_until(lambda: scene.gaps == 1)
        assert network.subscribers
    gaps = await pool.fetch("select after_seq from relay_gap")
    assert [row["after_seq"] for row in gaps] == [7]


async def test_text_that_the_relay_keeps_in_its_window_does_not_stop_us_for_ever(
    scene: Scene,
) -> None:
    network = scene.world.relay
    async with reading(scene) as relay:
        await wait_until(lambda: relay.connected)
        await scene.alice.write(track("Second"))
        network.foreign(lambda _: "text")  # type: ignore[arg-type, return-value]
        await scene.alice.write(track("Third"))
        await wait_until(lambda: scene.pipeline.settled_seq == network.seq, 20)
    assert await scene.tracks() == {"First", "Second", "Third"}
    gaps = await scene.tools.pool.fetch("select reason from relay_gap order by id")
    assert ["unreadable frame" in row["reason"] for row in gaps] == [False, True]


async def test_case_14_a_relay_that_answers_no_ping_is_left_for_a_new_connection(
    scene: Scene,
) -> None:
    """A cable that was pulled: nothing comes, and nobody says so."""
    assert 2 * PING_SECONDS <= 90
    network = scene.world.relay
    async with reading(scene, ping_seconds=0.2) as relay:
        await wait_until(lambda: network.subscribers)
        (silent,) = network.subscribers
        network.fall_silent()
        await wait_until(lambda: relay.error is not None)
        assert "keepalive" in str(relay.error) or "lost" in str(relay.error)
        await wait_until(lambda: network.subscribers - {silent} and relay.connected)
        await scene.alice.write(track("Second"))
        await wait_until(lambda: scene.pipeline.settled_seq == network.seq)
    assert await scene.tracks() == {"First", "Second"}


def test_case_10_the_back_off_starts_over_after_a_healthy_minute_only() -> None:
    backoff = Backoff(random.Random(1))
    delays = [backoff.after(seconds) for seconds in (0, 0, 1, 59, 0, 0, 0, 0, 60, 0)]
    steps = (1, 2, 4, 8, 16, 32, 60, 60, 1, 2)
    assert all(
        step / 2 <= delay <= step * 1.5 for step, delay in zip(steps, delays, strict=True)
    ), delays
