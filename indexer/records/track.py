"""A track: what it is called, who made it, where its bytes are said to be."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from indexer.columns import columns
from indexer.records.record_type import Record, RecordType, RecordUri, sort_time, texts
from lexicons.tags import plain_tag
from lexicons.text import title_key
from migrations.runner import Connection

BIGINT_MAX = 2**63 - 1
TAGS_MAX = 32
TAG_MAX_CHARACTERS = 64
SELF_LABELS_MAX = 10
SELF_LABEL_MAX_CHARACTERS = 128
_HASHTAG = re.compile(r"(?:(?<=[\s(\[{,;])|^)[#\uff03]([^\s#\uff03]+)")


class TrackRow(NamedTuple):
    uri: str
    did: str
    rkey: str
    cid: str
    title: str
    artist: str
    album: str | None
    album_key: str | None
    description: str | None
    file_type: str
    duration_ms: int | None
    audio_url: str | None
    audio_cid: str | None
    audio_mime: str | None
    audio_size: int | None
    image_url: str | None
    gate_type: str | None
    features: tuple[str, ...]
    tags: tuple[str, ...]
    self_labels: tuple[str, ...]
    created_at: str
    sort_at: datetime
    indexed_at: datetime


def row(uri: RecordUri, record: Record, cid: str, first_seen: datetime) -> TrackRow:
    """URLs stay as written: whether to trust them is for those who would hand them on."""
    album, blob = record.get("album"), record.get("audioBlob")
    gate = record.get("supportGate")
    description = record.get("description")
    return TrackRow(
        uri=str(uri),
        did=uri.did,
        rkey=uri.rkey,
        cid=cid,
        title=record["title"],
        artist=record["artist"],
        album=album,
        album_key=None if album is None else title_key(album),
        description=description,
        file_type=record["fileType"],
        duration_ms=duration_ms(record.get("duration")),
        audio_url=record.get("audioUrl"),
        audio_cid=None if blob is None else str(blob["ref"]),
        audio_mime=None if blob is None else blob["mimeType"],
        audio_size=None if blob is None else blob["size"],
        image_url=record.get("imageUrl"),
        gate_type=None if gate is None else gate["type"],
        features=featured(record.get("features", ())),
        tags=tags(description or "", record.get("tags")),
        self_labels=self_labels(record.get("labels")),
        created_at=record["createdAt"],
        sort_at=sort_time(uri.rkey, first_seen),
        indexed_at=first_seen,
    )


def duration_ms(seconds: int | None) -> int | None:
    return None if seconds is None else min(seconds * 1000, BIGINT_MAX)


def featured(features: Iterable[dict[str, Any] | str]) -> tuple[str, ...]:
    """DIDs alone: the handles and names beside them are as old as the record."""
    dids = (feature if isinstance(feature, str) else feature["did"] for feature in features)
    return tuple(dict.fromkeys(dids))


def tags(description: str, listed: object) -> tuple[str, ...]:
    """The description's hashtags, then the `tags` that no lexicon knows but some clients write."""
    candidates = _HASHTAG.findall(description)
    if isinstance(listed, list):
        candidates += [tag for tag in listed if isinstance(tag, str)]
    found = map(plain_tag, candidates)
    kept = dict.fromkeys(tag for tag in found if is_tag(tag))
    return tuple(kept)[:TAGS_MAX]


def is_tag(text: str) -> bool:
    """A tag has a letter or a pictogram: a number alone is a place in a list."""
    if len(text) > TAG_MAX_CHARACTERS or "\0" in text:
        return False
    categories = map(unicodedata.category, text)
    return any(category[0] == "L" or category == "So" for category in categories)


def self_labels(labels: dict[str, Any] | None) -> tuple[str, ...]:
    """Of `com.atproto.label.defs#selfLabels`; of another kind of labels nothing is known."""
    if labels is None or labels.get("$type") != "com.atproto.label.defs#selfLabels":
        return ()
    values = dict.fromkeys(label["val"] for label in labels["values"])
    short = (value for value in values if len(value) <= SELF_LABEL_MAX_CHARACTERS)
    return tuple(short)[:SELF_LABELS_MAX]


async def upsert(connection: Connection, rows: Sequence[TrackRow]) -> None:
    await connection.execute(
        """
        insert into track (
            uri, did, rkey, cid, title, artist, album, album_key, description, file_type,
            duration_ms, audio_url, audio_cid, audio_mime, audio_size, image_url, gate_type,
            features, tags, self_labels, created_at, sort_at, indexed_at
        )
        select
            uri, did, rkey, cid, title, artist, album, album_key, description, file_type,
            duration_ms, audio_url, audio_cid, audio_mime, audio_size, image_url, gate_type,
            array(select jsonb_array_elements_text(features::jsonb)),
            array(select jsonb_array_elements_text(tags::jsonb)),
            array(select jsonb_array_elements_text(self_labels::jsonb)),
            created_at, sort_at, indexed_at
        from unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::text[], $9::text[], $10::text[], $11::bigint[], $12::text[], $13::text[],
            $14::text[], $15::bigint[], $16::text[], $17::text[], $18::text[], $19::text[],
            $20::text[], $21::text[], $22::timestamptz[], $23::timestamptz[]
        ) as new (
            uri, did, rkey, cid, title, artist, album, album_key, description, file_type,
            duration_ms, audio_url, audio_cid, audio_mime, audio_size, image_url, gate_type,
            features, tags, self_labels, created_at, sort_at, indexed_at
        )
        on conflict (uri) do update
        set
            cid = excluded.cid,
            title = excluded.title,
            artist = excluded.artist,
            album = excluded.album,
            album_key = excluded.album_key,
            description = excluded.description,
            file_type = excluded.file_type,
            duration_ms = excluded.duration_ms,
            audio_url = excluded.audio_url,
            audio_cid = excluded.audio_cid,
            audio_mime = excluded.audio_mime,
            audio_size = excluded.audio_size,
            image_url = excluded.image_url,
            gate_type = excluded.gate_type,
            features = excluded.features,
            tags = excluded.tags,
            self_labels = excluded.self_labels,
            created_at = excluded.created_at
        """,
        *columns([_flat(row) for row in rows]),
    )
    await _replace_tags(connection, rows)


async def _replace_tags(connection: Connection, rows: Sequence[TrackRow]) -> None:
    await _delete_tags(connection, [row.uri for row in rows])
    tagged = [(row.uri, tag) for row in rows for tag in row.tags]
    if not tagged:
        return
    # The track's own sort_at, which the first version of its record has settled.
    await connection.execute(
        """
        insert into track_tag (track_uri, tag, sort_at)
        select tagged.uri, tagged.tag, track.sort_at
        from unnest($1::text[], $2::text[]) as tagged (uri, tag)
        join track on track.uri = tagged.uri
        """,
        *columns(tagged),
    )


def _flat(row: TrackRow) -> tuple[Any, ...]:
    """Arrays as JSON: unnest would make one of all the rows'."""
    return tuple(
        orjson.dumps(value).decode() if isinstance(value, tuple) else value for value in row
    )


async def delete(connection: Connection, uris: Sequence[RecordUri]) -> None:
    await connection.execute("delete from track where uri = any($1::text[])", texts(uris))
    await _delete_tags(connection, texts(uris))


async def _delete_tags(connection: Connection, tracks: Sequence[str]) -> None:
    await connection.execute("delete from track_tag where track_uri = any($1::text[])", tracks)


TRACK = RecordType(
    name="track",
    tables=("track", "track_tag"),
    row=row,
    upsert=upsert,
    delete=delete,
    tallied="tracks",
    names_albums=True,
)
