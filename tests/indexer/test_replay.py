"""The main job on real input: the firehose of a reference PDS, replayed."""

from pathlib import Path

import pytest

from indexer.proving import NETWORK_WAIT_SECONDS
from indexer.replay import BadRecording, Summary, replay
from indexer.service import build_accounts, build_pipeline
from migrations.database import Pool
from tests.indexer.directory import serving_directory
from tests.indexer.dump import everything
from tests.indexer.recording import recording
from tests.indexer.tools import tools

OURS = frozenset(
    {
        "fm.plyr.track",
        "fm.plyr.like",
        "fm.plyr.comment",
        "fm.plyr.list",
        "fm.plyr.actor.profile",
        "app.bsky.actor.profile",
    }
)


async def replayed(pool: Pool, file: Path, directory: str) -> Summary:
    async with tools(pool, directory) as given:
        pipeline = await build_pipeline(given, "fm.plyr", host=None)
        return await replay(file, pipeline, build_accounts(given, pipeline))


async def test_the_recorded_firehose_leads_to_exactly_the_expected_state(pool: Pool) -> None:
    given = recording()
    expected = given.expected
    async with serving_directory(expected["didDocs"]) as directory:
        summary = await replayed(pool, given.frames, directory)
    assert summary == Summary(frames=238, rejected=0)

    records = await pool.fetch(
        """
        select 'at://' || did || '/' || collection || '/' || rkey as uri, cid, state
        from record
        where state <> 'deleted' and did <> $1
        """,
        next(a["did"] for a in expected["accounts"] if a["status"] == "deleted"),
    )
    assert {r["uri"]: (r["cid"], r["state"] == "valid") for r in records} == {
        record["uri"]: (record["cid"], record["valid"])
        for record in expected["records"]
        if record["collection"] in OURS
    }

    accounts = await pool.fetch("select did, handle, upstream_status from account")
    assert {a["did"]: (a["handle"], a["upstream_status"]) for a in accounts} == {
        a["did"]: (a["handle"], a["status"]) for a in expected["accounts"]
    }

    shown = await pool.fetch(
        """
        select
            track.uri,
            coalesce(subject_count.likes, 0) as likes,
            coalesce(subject_count.comments, 0) as comments
        from track
        join account using (did)
        left join subject_count on subject_count.subject = track.uri
        where account.active
        """
    )
    assert {row["uri"]: dict(row) | {"uri": None} for row in shown} == {
        uri: counts | {"uri": None} for uri, counts in expected["shown"].items()
    }

    visible = await pool.fetch(
        """
        select 'at://' || did || '/' || collection || '/' || rkey as uri
        from record
        join account using (did)
        where state = 'valid' and active
        """
    )
    assert {row["uri"] for row in visible}.isdisjoint(expected["deletedUris"])
    assert await pool.fetchval("select count(*) from repo where state <> 'synchronized'") == 0


async def test_a_second_replay_changes_nothing(pool: Pool) -> None:
    given = recording()
    async with serving_directory(given.expected["didDocs"]) as directory:
        await replayed(pool, given.frames, directory)
        before = await everything(pool)
        await replayed(pool, given.frames, directory)
    assert await everything(pool) == before


async def test_a_directory_slower_than_a_stream_would_wait_for_loses_nothing(pool: Pool) -> None:
    given = recording()
    documents = given.expected["didDocs"]
    late = 1.2 * NETWORK_WAIT_SECONDS
    async with serving_directory(documents, first_answer_seconds=late) as directory:
        await replayed(pool, given.frames, directory)
        before = await everything(pool)
        await replayed(pool, given.frames, directory)
    assert await everything(pool) == before


@pytest.mark.parametrize("tail", [b"\x00", b"\x00\x00\x00\x09abc", b"\xff\xff\xff\xff"])
async def test_a_broken_recording_is_named_with_the_byte(
    pool: Pool, tmp_path: Path, tail: bytes
) -> None:
    file = tmp_path / "frames.bin"
    file.write_bytes(tail)
    async with serving_directory({}) as directory:
        with pytest.raises(BadRecording, match=r"frames\.bin: .* byte 0"):
            await replayed(pool, file, directory)
