"""What the tracks of a list add up to is kept, and follows whatever moves it."""

from collections.abc import Awaitable, Callable

import pytest

from indexer.list_sums import CHUNK_KEYS, ListSums
from migrations.database import Pool
from tests.appview.makers import AN_AUDIO_CID, Rows, did

HOSTS = ("audio.plyr.fm",)
URL = "https://audio.plyr.fm/one.mp3"

WRONG = """
select list.uri
from list
left join derived.list_sum as kept on kept.uri = list.uri and kept.cid = list.cid
cross join lateral list_sums(list.uri, $1) as right_now
where (
    kept.shown, kept.playable, kept.duration_ms, kept.pictured, kept.tracks, kept.tracks_ms
) is distinct from (
    right_now.shown, right_now.playable, right_now.duration_ms, right_now.pictured,
    right_now.tracks, right_now.tracks_ms
)
union all
select uri from derived.list_sum where uri not in (select uri from list)
union all
select key from derived.list_sum_due
"""


async def follow(pool: Pool, hosts: tuple[str, ...] = HOSTS) -> None:
    await ListSums(pool, hosts).follow()


async def sums(pool: Pool, uri: str) -> tuple[int, int, int | None, str | None]:
    """Kept ones: how many are shown, how many can be played, how long, whose picture."""
    await follow(pool)
    row = await pool.fetchrow("select * from derived.list_sum where uri = $1", uri)
    assert row is not None
    return row["shown"], row["playable"], row["duration_ms"], row["pictured"]


async def test_a_new_list_is_added_up(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice")
    plain = await rows.track("alice", duration_ms=1_000)
    pictured = await rows.track("alice", duration_ms=2_000, image_url="https://images.test/a.png")
    gated = await rows.track("alice", duration_ms=4_000, gate_type="supporter")
    uri = await rows.list("alice", (plain, gated, pictured, plain))
    assert await sums(pool, uri) == (4, 3, 8_000, pictured)
    each_once = await pool.fetchval("select row(tracks, tracks_ms) from derived.list_sum")
    assert each_once == (3, 7_000)
    assert await pool.fetch(WRONG, HOSTS) == []


async def test_a_length_is_said_only_when_it_is_known_of_all(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice")
    known = await rows.track("alice", duration_ms=1_000)
    uri = await rows.list("alice", (known, "at://did:plc:nobody/fm.plyr.track/3keqdnboc2222"))
    assert await sums(pool, uri) == (1, 1, None, None)


async def test_an_empty_list_adds_up_to_nothing(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice")
    assert await sums(pool, await rows.list("alice")) == (0, 0, None, None)


Change = Callable[[Rows, str], Awaitable[object]]


async def measure(rows: Rows, _: str) -> None:
    await rows.insert("media.audio_fact", cid=AN_AUDIO_CID, size=1, duration_ms=7_000)


async def miss(rows: Rows, _: str) -> None:
    await rows.insert("media.missing_blob", did=did("alice"), cid=AN_AUDIO_CID, asks=2)


async def retitle_the_url(rows: Rows, track: str) -> None:
    await rows.pool.execute(
        "update track set audio_cid = null, audio_url = $2 where uri = $1", track, URL
    )


@pytest.mark.parametrize(
    ("change", "added_up"),
    [
        pytest.param(lambda rows, track: rows.delete(track), (1, 1, None), id="deleted"),
        pytest.param(lambda rows, track: rows.take_down(track), (1, 1, None), id="taken-down"),
        pytest.param(
            lambda rows, _: rows.take_down(f"{did('bob')}/{AN_AUDIO_CID}"),
            (2, 0, 3_000),
            id="sound-taken-down",
        ),
        pytest.param(lambda rows, _: rows.hide("alice"), (1, 1, None), id="account-hidden"),
        pytest.param(measure, (2, 2, 14_000), id="measured"),
        pytest.param(miss, (2, 1, 3_000), id="blob-missing"),
        pytest.param(retitle_the_url, (2, 1, 3_000), id="moved-to-an-address"),
    ],
)
async def test_sums_follow_whatever_moves_them(
    pool: Pool, change: Change, added_up: tuple[int, int, int | None]
) -> None:
    rows = Rows(pool)
    await rows.account("alice")
    await rows.account("bob")
    track = await rows.track("alice", duration_ms=1_000)
    other = await rows.track("bob", duration_ms=2_000)
    uri = await rows.list("bob", (track, other))
    assert (await sums(pool, uri))[:3] == (2, 2, 3_000)
    await change(rows, track)
    assert (await sums(pool, uri))[:3] == added_up
    assert await pool.fetch(WRONG, HOSTS) == []


@pytest.mark.parametrize(
    "undone",
    [
        "update account set upstream_active = true",
        "delete from local.takedown",
        "delete from media.missing_blob",
    ],
)
async def test_sums_come_back_with_what_was_away(pool: Pool, undone: str) -> None:
    rows = Rows(pool)
    await rows.account("alice")
    await rows.account("bob")
    track = await rows.track("alice", duration_ms=1_000)
    uri = await rows.list("bob", (track,))
    await rows.hide("alice")
    await rows.take_down(track)
    await miss(rows, track)
    assert (await sums(pool, uri))[:3] == (0, 0, None)
    await pool.execute(undone)
    await follow(pool)
    assert await pool.fetch(WRONG, HOSTS) == []
    await pool.execute("update account set upstream_active = true")
    await pool.execute("delete from local.takedown")
    await pool.execute("delete from media.missing_blob")
    assert (await sums(pool, uri))[:3] == (1, 1, 1_000)


async def test_a_list_shows_another_picture_while_one_is_taken_down(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice")
    of_a_blob = f"https://cdn.test/img/avatar/plain/{did('bob')}/bafypicture@jpeg"
    first = await rows.track("alice", image_url=of_a_blob)
    second = await rows.track("alice", image_url="https://images.test/b.png")
    uri = await rows.list("alice", (first, second))
    assert (await sums(pool, uri))[3] == first
    await rows.take_down(f"{did('carol')}/bafypicture")
    assert (await sums(pool, uri))[3] == second
    await pool.execute("delete from local.takedown")
    assert (await sums(pool, uri))[3] == first
    assert await pool.fetch(WRONG, HOSTS) == []


async def test_a_track_that_comes_after_its_list_is_added(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice")
    uri = await rows.list("alice", (f"at://{did('alice')}/fm.plyr.track/later",))
    assert (await sums(pool, uri))[:2] == (0, 0)
    await rows.track("alice", rkey="later", duration_ms=1_000)
    assert (await sums(pool, uri))[:3] == (1, 1, 1_000)


async def test_an_address_counts_once_its_host_has_it_and_only_of_a_trusted_host(
    pool: Pool,
) -> None:
    rows = Rows(pool)
    await rows.account("alice")
    track = await rows.track("alice", audio_cid=None, audio_url=URL)
    uri = await rows.list("alice", (track,))
    assert (await sums(pool, uri))[:2] == (1, 0)
    await rows.check_source(track, "ok")
    assert (await sums(pool, uri))[:2] == (1, 1)
    await rows.check_source(track, "dead")
    assert (await sums(pool, uri))[:2] == (1, 0)
    await rows.check_source(track, "ok")
    await follow(pool, ("plyr.fm", "udio.plyr.fm"))
    assert await pool.fetchval("select playable from derived.list_sum") == 0


async def test_all_are_added_up_anew_when_other_hosts_are_trusted(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice")
    track = await rows.track("alice", audio_cid=None, audio_url=URL)
    await rows.check_source(track, "ok")
    uri = await rows.list("alice", (track,))
    await follow(pool, ())
    assert await pool.fetchval("select playable from derived.list_sum") == 0
    started = ListSums.of(pool, HOSTS)
    await started.follow_the_setting()
    await started.follow()
    assert (await sums(pool, uri))[:2] == (1, 1)


async def test_sums_go_with_their_list(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice")
    uri = await rows.list("alice")
    await follow(pool)
    await pool.execute("delete from list where uri = $1", uri)
    await follow(pool)
    assert await pool.fetchval("select count(*) from derived.list_sum") == 0


async def test_a_list_of_lists_is_followed_once(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice")
    inner = await rows.list("alice")
    await rows.list("alice", (inner,))
    await pool.execute("insert into list_item values ($1, 0, $1, '', now(), 'playlist')", inner)
    await follow(pool)
    assert await pool.fetch(WRONG, HOSTS) == []


async def test_many_lists_with_one_track_are_followed_in_chunks(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice")
    track = await rows.track("alice", duration_ms=1_000)
    await pool.execute(
        """
        insert into list (uri, did, rkey, cid, item_count, created_at, sort_at, indexed_at)
        select 'at://' || $1 || '/fm.plyr.list/l' || n, $1, 'l' || n, 'a', 1, '', now(), now()
        from generate_series(1, 1000) as n
        """,
        did("alice"),
    )
    await pool.execute("insert into list_item select uri, 0, $1, '', now(), null from list", track)
    await follow(pool)
    await rows.delete(track)
    await follow(pool)
    assert await pool.fetchval("select count(*) from derived.list_sum where shown = 0") == 1_000
    assert await pool.fetch(WRONG, HOSTS) == []


async def test_lengths_that_no_number_could_hold_together_are_added_up(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice")
    endless = [await rows.track("alice", duration_ms=2**63 - 1) for _ in range(2)]
    uri = await rows.list("alice", (*endless, endless[0]))
    assert (await sums(pool, uri))[:3] == (3, 3, 3 * 10**12)


async def test_a_list_that_is_due_is_not_queued_by_the_next_of_its_tracks(pool: Pool) -> None:
    rows = Rows(pool)
    await rows.account("alice")
    for _ in range(CHUNK_KEYS + 5):
        await rows.track("alice")
    for _ in range(30):
        await rows.list("alice")
    await pool.execute(
        """
        insert into list_item
        select list.uri, row_number() over (partition by list.uri), track.uri, '', now(), null
        from list
        cross join track
        """
    )
    await follow(pool)
    list_sums = ListSums(pool, HOSTS)
    await pool.execute("update track set duration_ms = 1000")
    await list_sums.follow_some()
    await list_sums.follow_some()
    assert await pool.fetchval("select count(*) from derived.list_sum_due") == 30 - CHUNK_KEYS + 5
    await follow(pool)
    assert await pool.fetch(WRONG, HOSTS) == []
