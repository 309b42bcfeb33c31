"""R30, R31: what tracks name is asked for at trusted hosts, and said to be as it was found."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.probing import FIRST_RETRY, PATIENCE, SOME_ORIGIN, Finding, Probing, Word, finding
from migrations.database import Pool
from tests.indexer.changes import TRACK_URI, change, index, track
from tests.xrpc.certificates import certified
from tests.xrpc.servers import Answer, FakeNames, Request, Server, http, open_client, serving
from xrpc.client import StreamedResponse

HOST = "audio.test"
SOUND = http(b"ab", 206, Content_Range="bytes 0-1/5000", Content_Type="audio/mpeg",
             Access_Control_Allow_Origin="*")  # fmt: skip


@dataclass(slots=True)
class Cdn:
    """A trusted host with TLS, which answers as it is told to, and who asks it."""

    pool: Pool
    server: Server
    probing: Probing
    answers: dict[str, bytes | Answer]
    clock: list[datetime]

    def url(self, name: str) -> str:
        return f"https://{HOST}:{self.server.port}/{name}"

    @property
    def host(self) -> str:
        return f"{HOST}:{self.server.port}"

    async def names(self, url: str, *, rev: int = 1, **fields: Any) -> None:
        await index(self.pool, change(track(audioUrl=url, **fields), rev=rev))

    async def asks(self) -> float | None:
        return await self.probing.ask_some(self.host)

    async def check(self) -> dict[str, Any]:
        row = await self.pool.fetchrow("select * from media.source_check where uri = $1", TRACK_URI)
        return {} if row is None else dict(row)

    def passes(self, time: timedelta) -> None:
        self.clock[0] += time


@asynccontextmanager
async def trusted(pool: Pool, folder: Path) -> AsyncIterator[Cdn]:
    answers: dict[str, bytes | Answer] = {}
    theirs, ours = certified(HOST, folder)

    def answer(request: Request) -> bytes | AsyncIterator[bytes]:
        said = answers.get(request.path[1:], http(status=404))
        return said if isinstance(said, bytes) else said(request)

    clock = [datetime.now(UTC) + timedelta(minutes=1)]  # later than that of Postgres
    async with (
        serving(answer, theirs) as server,
        open_client(FakeNames({HOST: ["127.0.0.1"]}), ours) as client,
    ):
        hosts = frozenset({f"{HOST}:{server.port}"})
        yield Cdn(pool, server, Probing(pool, client, hosts, lambda: clock[0]), answers, clock)


@pytest.fixture
async def cdn(pool: Pool, tmp_path: Path) -> AsyncIterator[Cdn]:
    async with trusted(pool, tmp_path) as cdn:
        yield cdn


async def test_R31_what_a_track_names_is_asked_for_when_it_is_written(cdn: Cdn) -> None:
    cdn.answers["a.mp3"] = SOUND
    await cdn.names(cdn.url("a.mp3"))
    assert (await cdn.check())["status"] == "unknown"
    assert await cdn.asks() == 0
    check = await cdn.check()
    assert (check["status"], check["ranges"], check["cors"]) == ("ok", True, True)
    assert (check["mime_type"], check["size"]) == ("audio/mpeg", 5000)
    (asked,) = cdn.server.requests
    assert (asked.headers["range"], asked.headers["origin"]) == ("bytes=0-1", SOME_ORIGIN)
    assert await cdn.asks() is None


async def test_R31_an_update_asks_again_for_the_same_and_at_once_for_another(cdn: Cdn) -> None:
    cdn.answers["a.mp3"] = SOUND
    await cdn.names(cdn.url("a.mp3"))
    await cdn.asks()
    await cdn.names(cdn.url("a.mp3"), title="Renamed", rev=2)
    assert await cdn.asks() is None
    cdn.passes(timedelta(minutes=2))
    del cdn.answers["a.mp3"]
    await cdn.asks()
    assert (await cdn.check())["status"] == "dead"
    cdn.answers["b.mp3"] = SOUND
    await cdn.names(cdn.url("b.mp3"), rev=3)
    check = await cdn.check()
    assert (check["status"], check["failures"], check["checked_at"]) == ("unknown", 0, None)
    await cdn.asks()
    assert (await cdn.check())["status"] == "ok"
    assert cdn.server.paths == ["/a.mp3", "/a.mp3", "/b.mp3"]


async def test_R31_an_answer_about_the_address_before_says_nothing_of_the_next(cdn: Cdn) -> None:
    async def late(_: Request) -> AsyncIterator[bytes]:
        await cdn.names(cdn.url("b.mp3"), rev=2)
        yield SOUND

    cdn.answers["a.mp3"] = late
    await cdn.names(cdn.url("a.mp3"))
    await cdn.asks()
    check = await cdn.check()
    assert (check["url"], check["status"]) == (cdn.url("b.mp3"), "unknown")


async def test_R30_a_host_that_nobody_trusts_is_never_asked(cdn: Cdn) -> None:
    other = cdn.url("a.mp3").replace(f":{cdn.server.port}", f":{cdn.server.port}@127.0.0.1")
    await cdn.names(other)
    await cdn.names(cdn.url("a.mp3").replace("https", "http"), rev=2)
    assert await cdn.asks() is None
    assert cdn.server.connections == 0


async def test_what_is_gated_is_not_asked_for(cdn: Cdn) -> None:
    await cdn.names(cdn.url("a.mp3"), supportGate={"type": "any"})
    assert await cdn.check() == {}
    await cdn.names(cdn.url("a.mp3"), rev=2)
    assert await cdn.check() != {}
    await cdn.pool.execute("delete from track")
    assert await cdn.check() == {}


async def test_what_several_tracks_name_is_asked_for_once(cdn: Cdn) -> None:
    cdn.answers["a.mp3"] = SOUND
    for key in range(3):
        await index(cdn.pool, change(track(audioUrl=cdn.url("a.mp3")), key=key))
    await cdn.asks()
    rows = await cdn.pool.fetch("select status from media.source_check")
    assert [row["status"] for row in rows] == ["ok"] * 3
    assert cdn.server.paths == ["/a.mp3"]


async def test_a_host_in_trouble_is_believed_dead_only_after_a_while(cdn: Cdn) -> None:
    cdn.answers["a.mp3"] = SOUND
    await cdn.names(cdn.url("a.mp3"))
    await cdn.asks()
    cdn.answers["a.mp3"] = http(status=503, Retry_After="7")
    statuses = []
    for _ in range(PATIENCE):
        cdn.passes(timedelta(days=2))
        assert await cdn.asks() == 7
        statuses.append((await cdn.check())["status"])
    assert statuses == ["ok"] * (PATIENCE - 1) + ["dead"]
    cdn.answers["a.mp3"] = SOUND
    cdn.passes(timedelta(days=2))
    await cdn.asks()
    check = await cdn.check()
    assert (check["status"], check["failures"]) == ("ok", 0)


async def test_what_is_not_there_is_asked_for_again_ever_less_often(cdn: Cdn) -> None:
    await cdn.names(cdn.url("a.mp3"))
    await cdn.asks()
    assert (await cdn.check())["status"] == "dead"
    waits = []
    for _ in range(3):
        due_at = (await cdn.check())["due_at"]
        waits.append(due_at - cdn.clock[0])
        cdn.clock[0] = due_at
        await cdn.asks()
    assert FIRST_RETRY * 0.7 < waits[0] < waits[1] < waits[2]


async def test_a_redirect_is_followed_nowhere(cdn: Cdn) -> None:
    cdn.answers["a.mp3"] = http(status=302, Location=cdn.url("b.mp3"))
    cdn.answers["b.mp3"] = SOUND
    await cdn.names(cdn.url("a.mp3"))
    await cdn.asks()
    assert (await cdn.check())["status"] == "dead"
    assert cdn.server.paths == ["/a.mp3"]


async def test_a_host_that_does_not_answer_is_no_error(cdn: Cdn) -> None:
    cdn.answers["a.mp3"] = b"this is no HTTP\r\n\r\n"
    await cdn.names(cdn.url("a.mp3"))
    assert await cdn.asks() == 0
    assert (await cdn.check())["status"] == "unknown"


def said(status: int, **headers: str) -> Finding:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return finding(StreamedResponse(status, named, "https://audio.test/a", None))  # type: ignore[arg-type] # not read


@pytest.mark.parametrize(
    ("status", "headers", "found"),
    [
        (200, {"content_length": "9"}, Finding(Word.OK, size=9)),
        (200, {"content_type": "text/html"}, Finding(Word.DEAD)),
        (200, {"content_length": "0"}, Finding(Word.DEAD)),
        (206, {"content_range": "bytes 0-1/*"}, Finding(Word.OK, ranges=True)),
        (206, {"content_range": "bytes 5-9/20"}, Finding(Word.OK)),
        (200, {"access_control_allow_origin": "https://plyr.fm"}, Finding(Word.OK)),
        (403, {}, Finding(Word.DEAD)),
        (416, {}, Finding(Word.DEAD)),
        (429, {"retry_after": "soon"}, Finding(Word.UNSURE)),
        (503, {"retry_after": "99999"}, Finding(Word.UNSURE, peace_seconds=600)),
    ],
)
def test_what_an_answer_means(status: int, headers: dict[str, str], found: Finding) -> None:
    assert said(status, **headers) == found


@given(
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(["content_type", "content_length", "content_range", "retry_after"]),
        st.text(alphabet="0123456789bytes /-*;audio", max_size=40),
    ),
)
def test_any_answer_means_something(status: int, headers: dict[str, str]) -> None:
    found = said(status, **headers)
    assert found.size is None or found.size > 0
    assert 0 <= found.peace_seconds <= 600
