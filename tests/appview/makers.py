"""Rows as the indexer leaves them, every column with a default.

A maker answers with the URI (or DID) of what it made; counters and links follow along.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from lexicons.cid import cid_text, dag_cbor_cid
from lexicons.data_model import Value, encode
from lexicons.syntax import Did, tid_from_micros
from lexicons.text import title_key
from migrations.database import Pool

START = datetime(2026, 1, 1, tzinfo=UTC)
LABELER = Did("did:plc:kind")
CTS = "2026-01-02T03:04:05.678Z"
AN_AUDIO_CID = "bafkreibme22gw2h7y2h7tg2fhqotaqjucnbc24deqo72b6mkl2egezxhvy"


def did(name: str) -> str:
    return name if name.startswith("did:") else f"did:plc:{name}"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def full_picture(uri: str) -> str:
    """Where the picture of a track is, but for the CID of its record."""
    _, _, author, _, rkey = uri.split("/")
    return f"https://music.test/img/full/track/{author}/{rkey}/"


@dataclass(slots=True)
class Rows:
    pool: Pool
    namespace: str = "fm.plyr"
    numbers: Any = field(default_factory=lambda: count(1))

    def rkey(self) -> str:
        return tid_from_micros(1_700_000_000_000_000 + next(self.numbers))

    async def insert(self, table: str, **columns: object) -> None:
        names = ", ".join(columns)
        places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
        await self.pool.execute(
            f"insert into {table} ({names}) values ({places})", *columns.values()
        )

    async def label(self, uri: str, val: str = "sexual", **columns: object) -> None:
        values: dict[str, object] = {
            "uri": uri,
            "src": LABELER,
            "val": val,
            "neg": False,
            "cts": CTS,
            "sig": bytes(64),
            "seq": 1,
            "made_at": datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC),
        }
        await self.insert("labels.label", **values | columns)

    async def account(self, name: str, **columns: object) -> str:
        """Without a profile of any kind; the handle is proven unless it is given as None."""
        values = {"did": did(name), "handle": f"{name.removeprefix('did:plc:')}.test"} | columns
        await self.insert("account", **values)
        return did(name)

    async def bsky_profile(self, name: str, **columns: object) -> None:
        values: dict[str, object] = {
            "did": did(name),
            "uri": f"at://{did(name)}/app.bsky.actor.profile/self",
            "cid": cid_of({"name": name}),
            "display_name": name.title(),
            "indexed_at": START,
        }
        await self.insert("bsky_profile", **values | columns)

    async def profile(self, name: str, **columns: object) -> None:
        values: dict[str, object] = {
            "did": did(name),
            "uri": f"at://{did(name)}/{self.namespace}.actor.profile/self",
            "cid": cid_of({"name": name}),
            "bio": f"I am {name}",
            "created_at": "2026-01-01T00:00:00Z",
            "indexed_at": START,
        }
        await self.insert("profile", **values | columns)

    async def record(self, uri: str, value: dict[str, Value], **columns: object) -> str:
        _, _, author, collection, rkey = uri.split("/")
        block = encode(value)
        values: dict[str, object] = {
            "did": author,
            "collection": collection,
            "rkey": rkey,
            "cid": cid_text(dag_cbor_cid(block)),
            "rev": "3kaaaaaaaaa22",
            "state": "valid",
            "value": block,
        } | columns
        await self.insert("record", **values)
        return str(values["cid"])

    async def track(self, author: str, *, rkey: str = "", **columns: object) -> str:
        rkey = rkey or self.rkey()
        uri = f"at://{did(author)}/{self.namespace}.track/{rkey}"
        title = str(columns.get("title", "Song"))
        cid = await self.record(uri, {"$type": f"{self.namespace}.track", "title": title})
        values: dict[str, object] = {
            "uri": uri,
            "did": did(author),
            "rkey": rkey,
            "cid": cid,
            "title": title,
            "artist": author,
            "file_type": "mp3",
            "audio_cid": AN_AUDIO_CID,
            "created_at": "2026-01-01T00:00:00.123456+00:00",
            "sort_at": at(next(self.numbers)),
            "indexed_at": at(1),
        }
        values |= columns
        if "album" in columns:
            values["album_key"] = title_key(str(columns["album"]))
        await self.insert("track", **values)
        await self._album(uri)
        for tag in columns.get("tags", ()):  # type: ignore[attr-defined] # a sequence of texts
            await self.insert("track_tag", track_uri=uri, tag=tag, sort_at=values["sort_at"])
        await self._count_for(author, "tracks")
        return uri

    async def check_source(self, uri: str, status: str, **columns: object) -> None:
        """As the indexer does that has asked the host of the track's URL; without one nothing."""
        names = "".join(f", {name} = ${number}" for number, name in enumerate(columns, 3))
        await self.pool.execute(
            f"update media.source_check set status = $2, checked_at = now(){names} where uri = $1",
            uri,
            status,
            *columns.values(),
        )

    async def like(
        self, author: str, subject: str, *, counted: bool = True, **columns: object
    ) -> str:
        rkey = self.rkey()
        uri = f"at://{did(author)}/{self.namespace}.like/{rkey}"
        made_at = await self._pointer("like", uri, did(author), rkey, subject, **columns)
        await self._link("like", uri, subject, made_at, counted=counted)
        if counted:
            await self._count_of(subject, "likes")
            await self._count_for(author, "likes_given")
            if f"/{self.namespace}.track/" in subject:
                await self._count_for(subject.split("/")[2], "likes_received")
        return uri

    async def comment(self, author: str, subject: str, **columns: object) -> str:
        rkey = self.rkey()
        uri = f"at://{did(author)}/{self.namespace}.comment/{rkey}"
        values: dict[str, object] = {"text": "nice", "timestamp_ms": 1000} | columns
        made_at = await self._pointer("comment", uri, did(author), rkey, subject, **values)
        await self._link("comment", uri, subject, made_at)
        await self._count_of(subject, "comments")
        return uri

    async def list(self, author: str, subjects: tuple[str, ...] = (), **columns: object) -> str:
        rkey = self.rkey()
        uri = f"at://{did(author)}/{self.namespace}.list/{rkey}"
        items: list[Value] = [{"subject": {"uri": uri}} for uri in subjects]
        cid = await self.record(uri, {"$type": f"{self.namespace}.list", "items": items})
        values: dict[str, object] = {
            "uri": uri,
            "did": did(author),
            "rkey": rkey,
            "cid": cid,
            "name": "A list",
            "list_type": "playlist",
            "item_count": len(subjects),
            "created_at": "2026-01-01T00:00:00Z",
            "sort_at": at(next(self.numbers)),
            "indexed_at": at(1),
        }
        values |= columns
        name = str(values["name"] or columns.get("last_name") or "")
        await self.insert("list", **values, title_key=title_key(name) or "")
        await self._album(uri)
        for position, subject in enumerate(subjects):
            await self.insert(
                "list_item",
                list_uri=uri,
                position=position,
                subject=subject,
                subject_cid=cid_of({"subject": subject}),
                sort_at=values["sort_at"],
                last_list_type=values["list_type"] or columns.get("last_list_type"),
            )
        for subject in set(subjects):
            await self._link("list", uri, subject, values["sort_at"])
            await self._count_of(subject, "in_lists")
        await self._count_for(author, "lists")
        return uri

    async def add_to_list(self, uri: str, subject: str, made_at: datetime) -> None:
        """Of a list that is there: what the activity tells."""
        await self._link("list", uri, subject, made_at)
        await self.pool.execute(
            "update link set added = true where uri = $1 and subject = $2", uri, subject
        )

    async def hide(self, name: str) -> None:
        await self.pool.execute(
            "update account set upstream_active = false where did = $1", did(name)
        )

    async def take_down(self, subject: str) -> None:
        await self.insert("local.takedown", subject=subject)

    async def delete(self, uri: str) -> None:
        """As the indexer deletes: the row goes, a tombstone stays."""
        _, _, author, collection, rkey = uri.split("/")
        await self.pool.execute("delete from track where uri = $1", uri)
        await self.pool.execute(
            "update record set cid = null, value = null, state = 'deleted'"
            " where did = $1 and collection = $2 and rkey = $3",
            author,
            collection,
            rkey,
        )

    async def _album(self, uri: str) -> None:
        await self.pool.execute(
            "insert into album select did, title_key from named_album where uri = $1"
            " on conflict do nothing",
            uri,
        )

    async def _pointer(
        self, table: str, uri: str, author: str, rkey: str, subject: str, **columns: object
    ) -> object:
        values: dict[str, object] = {
            "uri": uri,
            "did": author,
            "rkey": rkey,
            "cid": cid_of({"uri": uri}),
            "subject": subject,
            "subject_cid": cid_of({"stale": subject}),
            "created_at": "2026-01-01T00:00:00Z",
            "sort_at": at(next(self.numbers)),
            "indexed_at": at(1),
        }
        values |= columns
        await self.insert(f'"{table}"', **values)
        return values["sort_at"]

    async def _link(
        self, kind: str, uri: str, subject: str, made_at: object, *, counted: bool = True
    ) -> None:
        await self.insert(
            "link",
            uri=uri,
            subject=subject,
            kind=kind,
            did=uri.split("/")[2],
            counted=counted,
            made_at=made_at,
        )

    async def _count_of(self, subject: str, column: str) -> None:
        await self.pool.execute(
            f"insert into subject_count (subject, {column}) values ($1, 1)"
            f" on conflict (subject) do update set {column} = subject_count.{column} + 1",
            subject,
        )

    async def _count_for(self, author: str, column: str) -> None:
        await self.pool.execute(
            f"insert into account_count (did, {column}) values ($1, 1)"
            f" on conflict (did) do update set {column} = account_count.{column} + 1",
            did(author),
        )


def cid_of(value: Value) -> str:
    return cid_text(dag_cbor_cid(encode(value)))
