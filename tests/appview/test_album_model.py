"""Albums after any edits of tracks and lists, beside a model in plain Python."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from indexer import moderation
from indexer.list_sums import ListSums
from indexer.moderation import Decision, Subject
from lexicons.text import title_key
from migrations.database import Pool
from tests.appview.conftest import Client
from tests.indexer.changes import (
    ALICE,
    BOB,
    TYPES,
    change,
    dump,
    index,
    listing,
    track,
    uri,
)

TITLES = ("Night", " NIGHT", "Nïght", "Day", "夜", "", " ", None)
TYPES_OF_LIST = ("album", "album", "album", "playlist", None)
PEOPLE = (ALICE, BOB)
KEYS = range(1, 4)
SUBJECTS = (*(uri(did, "track", key) for did in PEOPLE for key in KEYS), "at://did:plc:x/a.b.c/d")


class Edit(NamedTuple):
    """Of one record; None deletes it."""

    did: str
    collection: str
    key: int
    record: dict[str, Any] | None

    @property
    def uri(self) -> str:
        return uri(self.did, self.collection, self.key)


def known(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


titles, types = st.sampled_from(TITLES), st.sampled_from(TYPES_OF_LIST)
names = st.sampled_from(("Night", "night", "NIGHT", "Day", "", None))
tracks = titles.map(lambda title: track(**known(album=title)))
lists = st.builds(
    lambda name, kind, items: listing(*items, **known(name=name, listType=kind)),
    names,
    types,
    st.just([]) | st.lists(st.sampled_from(SUBJECTS), max_size=5),
)
of_tracks, of_lists = (
    st.builds(Edit, st.sampled_from(PEOPLE), st.just(name), st.sampled_from(KEYS), records)
    for name, records in (("track", st.none() | tracks), ("list", st.none() | lists | lists))
)
histories = st.lists(st.lists(of_tracks | of_lists, min_size=3, max_size=9), min_size=1, max_size=4)
hidden = st.sets(
    st.sampled_from([uri(ALICE, kind, key) for kind in ("track", "list") for key in KEYS])
)


@dataclass(slots=True)
class Model:
    """What is true, the obvious way; lists as [name, type, items] with what they were last."""

    tracks: dict[str, str | None] = field(default_factory=dict)
    lists: dict[str, tuple[str | None, str | None, list[str]]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def follow(self, edit: Edit) -> None:
        if edit.record is None:
            self.tracks.pop(edit.uri, None)
            self.lists.pop(edit.uri, None)
        elif edit.collection == "track":
            self.tracks[edit.uri] = edit.record.get("album")
        else:
            name, kind, _ = self.lists.get(edit.uri, (None, None, []))
            items = [item["subject"]["uri"] for item in edit.record["items"]]
            self.lists[edit.uri] = (
                edit.record.get("name", name),
                edit.record.get("listType", kind),
                items,
            )

    def titles(self, did: str) -> set[str]:
        """Named by anything at all, shown or hidden."""
        named = [album for uri, album in self.tracks.items() if did in uri]
        named += [
            name for uri, (name, kind, _) in self.lists.items() if did in uri and kind == "album"
        ]
        return {key for name in named if name and (key := title_key(name))}

    def list_of(self, did: str, key: str) -> str | None:
        found = [
            (bool(items), uri)
            for uri, (name, kind, items) in self.lists.items()
            if did in uri
            and uri not in self.hidden
            and kind == "album"
            and title_key(name or "") == key
        ]
        return max(found)[1] if found else None

    def items(self, did: str, key: str) -> list[str]:
        standing = self.list_of(did, key)
        listed = self.lists[standing][2] if standing else []
        said = [
            uri
            for uri, album in self.tracks.items()
            if did in uri and title_key(album or "") == key
        ]
        every = dict.fromkeys([*listed, *sorted(said)])
        return [uri for uri in every if uri in self.tracks and uri not in self.hidden]

    def album_of(self, track: str) -> dict[str, Any] | None:
        did, said = track.split("/")[2], self.tracks[track]
        if said and (key := title_key(said)):
            return {"title": said} | self._place(self.list_of(did, key), track)
        having = [
            uri
            for uri, (_, kind, items) in self.lists.items()
            if did in uri and uri not in self.hidden and kind == "album" and track in items
        ]
        if not having:
            return {"title": said} if said else None
        return {"title": said or self.lists[max(having)][0] or "Untitled"} | self._place(
            max(having), track
        )

    def _place(self, standing: str | None, track: str) -> dict[str, Any]:
        if standing is None:
            return {}
        items = self.lists[standing][2]
        return {"uri": standing} | ({"position": items.index(track)} if track in items else {})


async def clear(pool: Pool) -> None:
    tables = ", ".join(f'"{table}"' for table in await dump(pool))
    await pool.execute(f"truncate {tables}, local.takedown, derived.list_sum, derived.list_sum_due")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories, hidden=hidden, is_followed=st.booleans())
async def test_R48_albums_are_what_a_plain_model_says(
    client: Client, pool: Pool, history: list[list[Edit]], hidden: set[str], *, is_followed: bool
) -> None:
    await clear(pool)
    model = Model(hidden=hidden)
    for uri_ in hidden:
        await moderation.take_down(pool, TYPES, Decision(Subject(uri_), "the test"))
    rev = 0
    for batch in history:
        changes = []
        for edit in batch:
            rev += 1
            model.follow(edit)
            collection = f"fm.plyr.{edit.collection}"
            changes.append(
                change(edit.record, did=edit.did, collection=collection, key=edit.key, rev=rev)
            )
        await index(pool, *changes)
        if is_followed:
            await ListSums(pool, ()).follow()
    for did in PEOPLE:
        await pool.execute("insert into account (did) values ($1) on conflict do nothing", did)
        await agree_on_albums(client, pool, model, did)
    shown = [uri for uri in model.tracks if uri not in hidden]
    if shown:
        answer = await client.ask("feed.getTracks", uris=shown)
        found = {each["uri"]: each.get("album") for each in answer["tracks"]}
        assert found == {uri: model.album_of(uri) for uri in shown}


async def agree_on_albums(client: Client, pool: Pool, model: Model, did: str) -> None:
    rows = await pool.fetch("select title_key from album where did = $1", did)
    assert {row[0] for row in rows} == model.titles(did)
    listed = [key for key in sorted(model.titles(did)) if model.items(did, key)]
    albums = (await client.ask("library.getActorAlbums", actor=did))["albums"]
    assert [title_key(album["title"]) for album in albums] == listed
    for key, album in zip(listed, albums, strict=True):
        answer = await client.ask("library.getAlbum", actor=did, title=key, limit=100)
        assert answer["album"] == album
        assert album.get("uri") == model.list_of(did, key)
        assert album["derived"] == (model.list_of(did, key) is None)
        items = [item["item"]["uri"] for item in answer["items"]]
        assert items == model.items(did, key)
        assert album["itemCount"] == len(items)
