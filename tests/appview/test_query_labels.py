"""com.atproto.label.queryLabels: by pattern and by labeler, page by page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.appview.conftest import Client
from tests.appview.makers import Rows

METHOD = "com.atproto.label.queryLabels"
KIND, STRICT = "did:plc:kind", "did:plc:strict"
ALICE = "did:plc:alice"
SONG = f"at://{ALICE}/fm.plyr.track/a"
SONGS = (SONG, f"{SONG}b", f"at://{ALICE}/fm.plyr.track/b%_c", f"at://{ALICE}2/fm.plyr.track/a")


async def say(rows: Rows, uri: str, val: str = "sexual", src: str = KIND, **columns: Any) -> None:
    now = datetime.now(UTC)
    values = {"neg": False, "cts": "2026-01-01T00:00:00Z", "sig": b"\0" * 64, "seq": 1}
    await rows.insert(
        "labels.label", uri=uri, val=val, src=src, made_at=now, **{**values, **columns}
    )


async def found(client: Client, *patterns: str, **params: Any) -> list[str]:
    answer = await client.ask(METHOD, uriPatterns=list(patterns), **params)
    return [label["uri"] for label in answer["labels"]]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ([SONG], SONGS[:1]),
        ([f"{SONG}*"], SONGS[:2]),
        ([f"at://{ALICE}/*", SONG, f"{SONG}*"], SONGS[:3]),
        ([f"at://{ALICE}/fm.plyr.track/b%*"], SONGS[2:3]),
        ([ALICE], [ALICE]),
        (["*"], [*SONGS, ALICE]),
        (["at://%*", SONGS[0][:-1]], []),
    ],
    ids=["one", "prefix", "overlapping", "no-wildcards", "account", "all", "none"],
)
async def test_patterns_are_whole_or_beginnings(
    client: Client, rows: Rows, patterns: list[str], expected: list[str]
) -> None:
    for uri in (*SONGS, ALICE):
        await say(rows, uri)
    assert await found(client, *patterns) == list(expected)


@pytest.mark.parametrize("pattern", ["*a", "at://*/fm.plyr.track/a", "a**"])
async def test_a_star_elsewhere_is_refused(client: Client, pattern: str) -> None:
    assert await client.refusal(METHOD, uriPatterns=pattern) == "InvalidRequest"


async def test_too_many_patterns_are_refused(client: Client) -> None:
    patterns = [f"{SONG}{number}" for number in range(101)]
    assert await client.refusal(METHOD, uriPatterns=patterns) == "InvalidRequest"


async def test_only_what_holds_is_told_and_only_by_whom_is_asked(
    client: Client, rows: Rows
) -> None:
    await say(
        rows, SONG, "by-kind", cid="bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"
    )
    await say(rows, SONG, "by-strict", STRICT)
    await say(rows, SONG, "negated", neg=True)
    past = datetime.now(UTC) - timedelta(seconds=1)
    await say(rows, SONG, "past", exp="2026-01-01T00:00:00Z", expires_at=past)
    everything = (await client.ask(METHOD, uriPatterns=SONG))["labels"]
    assert [label["val"] for label in everything] == ["by-kind", "by-strict"]
    assert everything[1] == {
        "ver": 1,
        "src": STRICT,
        "uri": SONG,
        "val": "by-strict",
        "cts": "2026-01-01T00:00:00Z",
        "sig": {"$bytes": "A" * 86},
    }
    of_one = (await client.ask(METHOD, uriPatterns=SONG, sources=[STRICT, ALICE]))["labels"]
    assert of_one == everything[1:]


async def test_pages_bring_every_label_once(client: Client, rows: Rows) -> None:
    for uri in SONGS:
        for val in ("a b", "c"):
            for src in (KIND, STRICT):
                await say(rows, uri, val, src)
    keys: list[tuple[str, str, str]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await client.ask(METHOD, uriPatterns="*", limit=3, **cursor)
        keys += [(label["uri"], label["src"], label["val"]) for label in answer["labels"]]
        if "cursor" not in answer:
            break
        cursor = {"cursor": answer["cursor"]}
    assert len(keys) == 16
    assert keys == sorted(set(keys))


async def test_a_cursor_of_another_query_is_refused(client: Client) -> None:
    for cursor in ("dAAGRBB1x2AAYXQ6Ly8", "bAAAAAAAAAAA", "x"):
        assert await client.refusal(METHOD, uriPatterns="*", cursor=cursor) == "InvalidRequest"
