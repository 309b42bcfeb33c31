"""Facts about sound: read by a bounded process from what is proven, kept, and shown."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from appview.playback.facts import FactReader
from indexer.search.follow import Search
from lexicons.cid import Cid, cid_from_bytes, parse_cid
from migrations.database import Pool
from tests.appview.conftest import Client
from tests.appview.makers import AN_AUDIO_CID, Rows
from tests.appview.test_measuring import song, tagged

CID = parse_cid(AN_AUDIO_CID)
SPARSE_BYTES = 3 << 30


@contextmanager
def file_of(data: bytes) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        yield file


async def noted(pool: Pool, data: bytes, cid: Cid = CID, **settings: Any) -> dict[str, Any]:
    with file_of(data) as file:
        await FactReader(pool, **settings).note(cid, file)
    row = await pool.fetchrow("select * from media.audio_fact where cid = $1", str(cid))
    return {} if row is None else dict(row)


async def test_proven_sound_is_measured_once_and_kept_by_its_cid(pool: Pool, rows: Rows) -> None:
    await rows.account("alice")
    await rows.track("alice")
    data = tagged(song("mp3"))
    facts = await noted(pool, data)
    assert abs(facts["duration_ms"] - 4000) < 60
    assert (facts["mime_type"], facts["codec"], facts["lossless"]) == ("audio/mpeg", "mp3", False)
    assert (facts["sample_rate"], facts["channels"], facts["size"]) == (48_000, 2, len(data))
    assert (facts["has_picture"], facts["trouble"]) == (True, None)
    assert await noted(pool, song("flac")) == facts


async def test_the_measured_length_is_in_views_and_in_searches_by_length(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    uri = await rows.track("alice", title="Night", duration_ms=1)
    await Search(rows.pool).follow()
    facts = await noted(rows.pool, song("flac"))
    view = (await client.ask("feed.getTrack", uri=uri))["track"]
    assert view["durationMs"] == facts["duration_ms"] > 3_900
    await Search(rows.pool).follow()
    found = await client.ask("search.searchTracks", q="night", minDurationMs=3_900)
    assert [hit["track"]["uri"] for hit in found["tracks"]] == [uri]


async def test_blobs_that_are_no_tracks_sound_are_left_alone(pool: Pool, rows: Rows) -> None:
    await rows.account("alice")
    other = cid_from_bytes(bytes([1, 0x55, 0x12, 32]) + bytes(32))
    assert await noted(pool, song("flac"), other) == {}


async def test_what_says_nothing_of_itself_is_asked_once(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    uri = await rows.track("alice", duration_ms=5)
    facts = await noted(rows.pool, b"\x89PNG, and no sound")
    assert facts["trouble"] == "no sound that begins with 89504e472c20616e is known"
    assert (await client.ask("feed.getTrack", uri=uri))["track"]["durationMs"] == 5
    assert await noted(rows.pool, song("flac")) == facts


async def test_a_reader_that_takes_too_long_is_ended(pool: Pool, rows: Rows) -> None:
    await rows.account("alice")
    await rows.track("alice")
    facts = await noted(pool, song("flac"), seconds=0.0)
    assert facts["trouble"] == "not read in 0 s"


async def test_a_file_that_would_be_all_memory_costs_none(pool: Pool, rows: Rows) -> None:
    """Tags as large as the file, which is a hole."""
    await rows.account("alice")
    await rows.track("alice")
    head = b"\0\0\0\x10ftypM4A \0\0\0\0" + (1).to_bytes(4, "big") + b"moov"
    head += SPARSE_BYTES.to_bytes(8, "big") + (1).to_bytes(4, "big") + b"udta"
    with file_of(head) as file:
        os.truncate(file.fileno(), SPARSE_BYTES)
        await FactReader(pool).note(CID, file)
    assert await pool.fetchval("select trouble from media.audio_fact")


CONFINED = """
import os, socket, sys
from appview.playback import reader
reader.confine()
os.close(0)
refused = 0
for attempt in (lambda: bytearray(1 << 30), lambda: open("/etc/passwd"), socket.socket):
    try:
        attempt()
    except (MemoryError, OSError):
        refused += 1
print(refused, b"\\x26\\x6a".decode("utf-16-be"))
"""


def test_a_reader_can_neither_open_nor_reach_anything() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CONFINED], check=False, capture_output=True, text=True, timeout=60
    )
    assert (ended.stdout, ended.stderr) == ("3 \u266a\n", "")


async def test_a_lost_database_costs_nobody_the_blob(pool: Pool) -> None:
    await pool.execute("drop table media.audio_fact cascade")
    with file_of(song("flac")) as file:
        await FactReader(pool).note(CID, file)


async def test_tracks_are_found_by_what_was_measured(pool: Pool) -> None:
    """As the trigger does that queues them for the search."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("set local enable_seqscan = off")
        plan = await connection.fetch(
            "explain select uri from track"
            " where audio_cid = (select cid from media.audio_fact limit 1)"
        )
    assert "Index Cond: (audio_cid =" in str(plan)
