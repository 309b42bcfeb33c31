"""A small world with something for every method, written by the indexer itself.

A method that the names of its parameters do not tell how to ask has its line in QUESTIONS.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from indexer.events import RecordChange
from indexer.ranking.keeper import Rankings
from indexer.search.follow import Search
from indexer.steps import Step
from indexer.writer import WriteResult
from lexicons.catalog import Catalog
from lexicons.syntax import tid_from_micros
from migrations.database import Pool
from tests.indexer.changes import (
    SOME_CID,
    change,
    comment,
    like,
    listing,
    new_writer,
    profile,
    track,
)

# Made within the last hour, since ranks are of a day, a week, a month.
NOW = datetime.now(UTC)
FIRST_MICROS = int((NOW - timedelta(hours=1)).timestamp() * 1_000_000)
ALICE, BOB = "did:plc:alice", "did:plc:bob"
FANS = tuple(f"did:plc:fan{letter}" for letter in "bcdefgh")


def rkey(number: int) -> str:
    return tid_from_micros(FIRST_MICROS + number * 1_000)


def uri(did: str, collection: str, number: int) -> str:
    return f"at://{did}/fm.plyr.{collection}/{rkey(number)}"


TRACK, LIST = uri(ALICE, "track", 1), uri(ALICE, "list", 1)

BY_NAME: Mapping[str, Any] = {
    "actor": ALICE,
    "actors": [ALICE, BOB],
    "cid": SOME_CID,
    "did": ALICE,
    "format": "m3u",
    "q": "song",
    "tag": "ambient",
    "uri": TRACK,
    "uriPatterns": ["at://did:plc:alice/*", "did:plc:*"],
    "uris": [TRACK],
}
QUESTIONS: Mapping[str, Mapping[str, Any]] = {
    "fm.plyr.library.getAlbum": {"uri": LIST},
    "fm.plyr.library.getList": {"uri": LIST},
    "fm.plyr.library.getLists": {"uris": [LIST]},
    "fm.plyr.playback.getPlaylistFile": {"uri": LIST, "format": "m3u"},
    "fm.plyr.sync.getRecordStatus": {"uri": TRACK},
    "parts.page.mention.search": {"service": f"at://{ALICE}/x.y.z/self", "search": "song"},
}


def parameters(catalog: Catalog, nsid: str) -> Mapping[str, Mapping[str, Any]]:
    found = catalog.documents[nsid]["defs"]["main"].get("parameters", {}).get("properties", {})
    return dict(found)


NAMED = {"$type": "app.bsky.actor.profile", "displayName": "Song maker"}
# Only who is signed in may say so.
OF_VIEWERS = frozenset({"following"})


def question(catalog: Catalog, nsid: str) -> dict[str, Any]:
    """What has to be given, with values that mean something here."""
    if nsid in QUESTIONS:
        return dict(QUESTIONS[nsid])
    main = catalog.documents[nsid]["defs"]["main"]
    return {name: BY_NAME[name] for name in main.get("parameters", {}).get("required", [])}


def of(author: str, record: dict[str, Any], key: int | str, rev: int = 1) -> RecordChange:
    return change(record, did=author, key=key if isinstance(key, str) else rkey(key), rev=rev)


def song(number: int, **fields: Any) -> dict[str, Any]:
    return track(
        title=f"Song {number}",
        artist="Alice",
        album=f"Album {number}",
        description="At night. #ambient #tape",
        tags=["ambient", "tape"],
        duration=60 + number,
        **fields,
    )


def first_records() -> list[RecordChange]:
    everyone = (ALICE, BOB, *FANS)
    tracks = [uri(ALICE, "track", number) for number in range(1, 9)]
    made = [of(ALICE, song(number), number) for number in range(1, 9)]
    made += [of(BOB, song(number, features=[{"did": ALICE}]), number) for number in range(11, 14)]
    made += [of(did, profile(bio="At night."), "self") for did in everyone]
    made += [of(did, NAMED, "self") for did in everyone]
    made += [of(did, song(20), 20) for did in FANS]
    for place, did in enumerate(everyone):
        made += [of(did, like(TRACK), 30), of(did, like(LIST), 31)]
        liked = tracks[1:6] if place else []
        made += [of(did, like(subject), 32 + number) for number, subject in enumerate(liked)]
        made += [of(did, comment(subject), 80 + number) for number, subject in enumerate(liked)]
        made += [of(did, comment(TRACK, text="song!", timestampMs=place // 2), 40)]
        made += [of(did, listing(*tracks, name="Song list", listType="playlist"), 50)]
    # Of whom but a few tracks may trend at once.
    made += [of(BOB, like(uri(did, "track", 20)), 90 + n) for n, did in enumerate(FANS)]
    for number, subject in enumerate(tracks, start=1):
        kind = "album" if number % 2 else "playlist"
        made += [of(ALICE, like(subject), 60 + number)]
        named = {"name": f"Song book {number}", "listType": kind}
        made += [of(ALICE, listing(TRACK, *tracks, **named), number)]
    return made


async def write(pool: Pool, *changes: RecordChange) -> WriteResult:
    result = await new_writer(pool, NOW).write(
        [Step(made.did, changes=(made,)) for made in changes], None
    )
    await settle(pool)
    return result


async def settle(pool: Pool) -> None:
    """What the indexer does between events."""
    while await new_writer(pool, NOW).recount(1_000):
        pass
    await Search(pool).follow()
    await Rankings(pool, lambda: datetime.now(UTC)).refresh()


LABELS = """
insert into labels.label (uri, src, val, neg, cts, sig, seq, made_at)
select uri, 'did:plc:labeler', 'sexual', false, '2026-01-01T00:00:00Z', '\\x00'::bytea, 1, now()
from track
union all
select did, 'did:plc:labeler', '!warn', false, '2026-01-01T00:00:00Z', '\\x00'::bytea, 1, now()
from account
"""


async def fill(pool: Pool) -> None:
    result = await write(pool, *first_records())
    assert not result.quarantined, result.reasons
    await pool.execute("update account set handle = split_part(did, ':', 3) || '.test'")
    await pool.execute(LABELS)
    await settle(pool)
