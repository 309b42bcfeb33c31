"""What is ranked, and that one account alone lifts nothing."""

from datetime import datetime, timedelta
from typing import Any

from indexer.ranking import charts
from indexer.ranking.charts import CHARTS, LIFETIME
from indexer.ranking.keeper import REST_FACTOR, REST_SECONDS, Rankings, rest_seconds
from migrations.database import Pool
from tests.appview.makers import START, Rows

NOW = START + timedelta(days=400)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


async def refresh(pool: Pool, now: datetime = NOW) -> None:
    await Rankings(pool, lambda: now).refresh()


async def chart(pool: Pool, name: str) -> list[str]:
    subjects: list[str] = await pool.fetchval(
        "select subjects from derived.ranking where chart = $1 and expires_at is null", name
    )
    return subjects


async def crowd(rows: Rows, *names: str) -> list[str]:
    return [await rows.account(name) for name in names]


async def liked(rows: Rows, track: str, *fans: str, at: datetime = NOW, **columns: Any) -> None:
    for fan in fans:
        await rows.like(fan, track, sort_at=at, **columns)


async def test_a_window_counts_the_accounts_that_liked_within_it(pool: Pool) -> None:
    rows = Rows(pool)
    await crowd(rows, "author", "ann", "ben", "cem")
    old, new = [await rows.track("author") for _ in range(2)]
    await liked(rows, old, "ann", "ben", "cem", at=ago(days=20))
    await liked(rows, old, "author", at=ago(hours=1))
    await liked(rows, new, "ann", at=ago(hours=2))
    await refresh(pool)
    assert await chart(pool, "top likes day") == [new]
    assert await chart(pool, "top likes week") == [new]
    assert await chart(pool, "top likes month") == [old, new]
    assert await chart(pool, "top likes all") == [old, new]


async def test_R15_own_likes_and_repeated_ones_lift_nothing(pool: Pool) -> None:
    rows = Rows(pool)
    await crowd(rows, "cheat", "honest", "fan", "other")
    lifted, plain = await rows.track("cheat"), await rows.track("honest")
    await liked(rows, lifted, "cheat", "fan")
    for _ in range(5):
        await liked(rows, lifted, "fan", counted=False)
        await rows.comment("cheat", lifted, sort_at=NOW)
        await rows.comment("fan", lifted, sort_at=NOW)
        await rows.list("cheat", (lifted,), sort_at=NOW)
        await rows.list("fan", (lifted,), sort_at=NOW)
    for name in ("fan", "other"):
        await liked(rows, plain, name)
        await rows.comment(name, plain, sort_at=NOW)
        await rows.list(name, (plain,), sort_at=NOW)
    await refresh(pool)
    for window in ("day", "all"):
        for metric in ("likes", "comments", "list-adds"):
            assert await chart(pool, f"top {metric} {window}") == [plain, lifted], metric
    assert await chart(pool, "trending") == [plain, lifted]
    assert await chart(pool, "actors likes-received") == ["did:plc:honest", "did:plc:cheat"]


async def test_a_mirror_of_likes_is_no_list_that_somebody_made(pool: Pool) -> None:
    rows = Rows(pool)
    await crowd(rows, "author", "fan")
    track = await rows.track("author")
    await rows.list("fan", (track,), list_type="liked", sort_at=NOW)
    await refresh(pool)
    assert await chart(pool, "top list-adds all") == []
    assert await chart(pool, "trending") == []


async def test_what_is_newer_is_hotter(pool: Pool) -> None:
    rows = Rows(pool)
    await crowd(rows, "one", "two", "ann", "ben", "cem")
    faded, fresh = await rows.track("one"), await rows.track("two")
    await liked(rows, faded, "ann", "ben", "cem", at=ago(days=6))
    await liked(rows, fresh, "ann", at=ago(hours=1))
    await refresh(pool)
    assert await chart(pool, "trending") == [fresh, faded]
    assert await chart(pool, "top likes week") == [faded, fresh]


async def test_one_author_has_three_places_among_what_trends(pool: Pool) -> None:
    rows = Rows(pool)
    await crowd(rows, "author", "other", "fan")
    many = [await rows.track("author") for _ in range(5)]
    for track in [*many, await rows.track("other")]:
        await liked(rows, track, "fan")
    await refresh(pool)
    assert len(await chart(pool, "trending")) == 4


async def test_who_likes_everything_has_no_more_votes_than_others(pool: Pool) -> None:
    rows = Rows(pool)
    await crowd(rows, "author", "other", "bot", "fan")
    tracks = [await rows.track("author") for _ in range(charts.VOTES_OF_ONE_ACCOUNT + 1)]
    for track in tracks:
        await liked(rows, track, "bot")
    wanted = await rows.track("other")
    await liked(rows, wanted, "fan", at=ago(seconds=1))
    await refresh(pool)
    assert (await chart(pool, "trending"))[0] == wanted


async def test_who_is_hidden_is_not_ranked(pool: Pool) -> None:
    rows = Rows(pool)
    await crowd(rows, "hidden", "author", "fan")
    gone, down = await rows.track("hidden"), await rows.track("author")
    await liked(rows, gone, "fan")
    await liked(rows, down, "fan")
    await rows.hide("hidden")
    await rows.take_down(down)
    await refresh(pool)
    for name in ("trending", "top likes all"):
        assert await chart(pool, name) == []
    assert await chart(pool, "actors tracks") == ["did:plc:author"]


async def test_a_replaced_order_lives_for_an_hour(pool: Pool) -> None:
    rows = Rows(pool)
    await crowd(rows, "author", "ann", "ben")
    first, second = [await rows.track("author") for _ in range(2)]
    await liked(rows, first, "ann")
    await refresh(pool)
    await refresh(pool, NOW + timedelta(minutes=1))
    held = "select count(*) from derived.ranking where chart = 'top likes all'"
    assert await pool.fetchval(held) == 1
    await liked(rows, second, "ann", "ben")
    replaced_at = NOW + timedelta(minutes=2)
    await refresh(pool, replaced_at)
    await refresh(pool, replaced_at + LIFETIME)
    assert await pool.fetchval(held) == 2
    assert await chart(pool, "top likes all") == [second, first]
    await refresh(pool, replaced_at + LIFETIME + timedelta(seconds=1))
    assert await pool.fetchval(held) == 1


async def related(pool: Pool, track: str) -> list[str]:
    tracks: list[str] = await pool.fetchval(
        "select tracks from derived.related where uri = $1", track
    )
    return tracks


async def test_related_is_what_at_least_two_fans_share(pool: Pool) -> None:
    rows = Rows(pool)
    await crowd(rows, "author", "other", "ann", "ben", "cem")
    seed = await rows.track("author")
    near, nearer, far = [await rows.track("other") for _ in range(3)]
    await liked(rows, seed, "ann", "ben", "cem")
    await liked(rows, nearer, "ann", "ben", "cem")
    await liked(rows, near, "ann", "ben")
    await liked(rows, far, "ann")
    await refresh(pool)
    assert await related(pool, seed) == [nearer, near]


async def test_authors_are_no_fans_of_their_own(pool: Pool) -> None:
    rows = Rows(pool)
    await crowd(rows, "author", "pusher", "ann")
    seed, second, pushed = [await rows.track(by) for by in ("author", "author", "pusher")]
    await liked(rows, seed, "author", "pusher", "ann")
    await liked(rows, second, "author", "ann")
    await liked(rows, pushed, "pusher", "ann")
    await refresh(pool)
    assert await related(pool, seed) == []


async def test_a_sweep_looks_at_what_has_changed(pool: Pool) -> None:
    rows = Rows(pool)
    await crowd(rows, "author", "other", "ann", "ben")
    seed, near = await rows.track("author"), await rows.track("other")
    await liked(rows, seed, "ann", "ben")
    await liked(rows, near, "ann")
    await refresh(pool)
    version = "select xmin::text from derived.related where uri = $1"
    before = await pool.fetchval(version, seed)
    await refresh(pool)
    assert await pool.fetchval(version, seed) == before
    await liked(rows, near, "ben")
    await refresh(pool)
    assert await related(pool, near) == [seed]
    await rows.delete(near)
    await refresh(pool)
    assert await pool.fetchval("select array_agg(uri) from derived.related") == [seed]


async def test_the_network_is_summed_up(pool: Pool) -> None:
    rows = Rows(pool)
    await crowd(rows, "author", "fan", "hidden")
    track = await rows.track("author", duration_ms=1_000)
    await rows.track("author", duration_ms=2**60)
    await rows.track("hidden", duration_ms=5)
    await rows.like("fan", track)
    await rows.comment("fan", track)
    await rows.list("author")
    await rows.hide("hidden")
    await refresh(pool)
    row = await pool.fetchrow("select * from derived.network")
    assert row is not None
    assert dict(row) == {
        "one": True,
        "tracks": 2,
        "artists": 1,
        "listeners": 1,
        "likes": 1,
        "comments": 1,
        "lists": 1,
        "total_duration_ms": 86_401_000,
    }


async def test_rest_is_a_multiple_of_the_work() -> None:
    least, most = REST_SECONDS
    assert rest_seconds(0.0, has_more=False) == least
    assert rest_seconds(1.0, has_more=False) == REST_FACTOR
    assert rest_seconds(1e6, has_more=False) == most


async def test_nothing_is_worked_out_before_it_has_rested(pool: Pool) -> None:
    seconds = [0.0]
    rankings = Rankings(pool, lambda: NOW + timedelta(seconds=seconds[0]), lambda: seconds[0])
    newest = "select distinct computed_at from derived.ranking"
    await rankings.work_off()
    seconds[0] = REST_SECONDS[0] - 1
    await rankings.work_off()
    assert await pool.fetchval(newest) == NOW
    seconds[0] = REST_SECONDS[0]
    await rankings.work_off()
    assert await pool.fetchval(newest) == NOW + timedelta(seconds=REST_SECONDS[0])
    assert await pool.fetchval("select count(*) from derived.ranking") == len(CHARTS)
