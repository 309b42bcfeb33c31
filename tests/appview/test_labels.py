"""R45: labels of labelers on whatever an answer shows, by what the caller accepts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from appview.app import create_app
from appview.config import BadSetting, from_env
from appview.context import AppSettings
from appview.views.labels import find_views
from lexicons.catalog import Catalog
from lexicons.syntax import Did
from migrations.database import Pool
from tests.appview.conftest import Client
from tests.appview.makers import CTS, LABELER, Rows, did
from tests.appview.served import asking
from tests.appview.statements import Counted

KIND, STRICT, NOBODY = LABELER, Did("did:plc:strict"), Did("did:plc:nobody")
ACCEPT, CONTENT = "atproto-accept-labelers", "atproto-content-labelers"


@pytest.fixture
def settings(settings: AppSettings) -> AppSettings:
    return replace(settings, labelers=(KIND, STRICT))


async def labels_of(client: Client, uri: str, **headers: str) -> list[str]:
    view = await shown(client, uri, **headers)
    return [f"{found['src'].rpartition(':')[2]} {found['val']}" for found in view.get("labels", ())]


async def shown(client: Client, uri: str, **headers: str) -> dict[str, Any]:
    response = await client.http.get(
        "/xrpc/fm.plyr.feed.getTrack", params={"uri": uri}, headers=headers
    )
    assert response.status_code == 200, response.text
    view: dict[str, Any] = response.json()["track"]
    return view


async def test_R45_labels_stand_on_every_view_behind_those_of_the_author(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    await rows.account("bob")
    track = await rows.track("alice", self_labels=["own"], features=[did("bob")])
    comment = await rows.comment("bob", track)
    listing = await rows.list("alice", (track,), list_type="album", name="Songs")
    for subject in (track, comment, listing, did("alice"), did("bob")):
        await rows.label(subject)
    expected = {"src": KIND, "val": "sexual", "cts": CTS}
    view = (await client.ask("feed.getTrack", uri=track))["track"]
    assert view["labels"][0]["val"] == "own"
    assert view["labels"][1:] == [{**expected, "uri": track}]
    assert view["author"]["labels"] == [{**expected, "uri": did("alice")}]
    assert view["features"][0]["labels"] == [{**expected, "uri": did("bob")}]
    said = (await client.ask("feed.getComments", uri=track))["comments"][0]
    assert said["labels"] == [{**expected, "uri": comment}]
    page = await client.ask("library.getList", uri=listing)
    assert page["list"]["labels"] == [{**expected, "uri": listing}]
    assert len(page["items"][0]["item"]["labels"]) == 2
    assert (await client.ask("library.getAlbum", uri=listing))["album"]["labels"] == [
        {**expected, "uri": listing}
    ]
    profile = (await client.ask("actor.getProfile", actor=did("alice")))["profile"]
    assert profile["labels"] == [{**expected, "uri": did("alice")}]


async def test_an_account_is_labelled_by_its_profiles_too(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    for collection in ("app.bsky.actor.profile", "fm.plyr.actor.profile", "fm.plyr.track"):
        await rows.label(f"at://{did('alice')}/{collection}/self")
    profile = (await client.ask("actor.getProfile", actor=did("alice")))["profile"]
    assert [found["uri"].split("/")[3] for found in profile["labels"]] == [
        "app.bsky.actor.profile",
        "fm.plyr.actor.profile",
    ]


async def test_case_133_134_136_what_does_not_hold_is_not_told(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    track = await rows.track("alice")
    cid = (await shown(client, track))["cid"]
    other = await rows.track("alice", title="Another")
    now, hour = datetime.now(UTC), timedelta(hours=1)
    await rows.label(track, "negated", neg=True)
    await rows.label(track, "past", exp="2026", expires_at=now - hour)
    await rows.label(track, "lasting", exp="3026-01-01T00:00:00Z", expires_at=now + hour)
    await rows.label(track, "of-this", cid=cid)
    await rows.label(track, "of-another", cid=(await shown(client, other))["cid"])
    await rows.label(track, "untrusted", src=NOBODY)
    view = (await client.ask("feed.getTrack", uri=track))["track"]
    assert {found["val"] for found in view["labels"]} == {"lasting", "of-this"}
    assert {found.get("exp") for found in view["labels"]} == {None, "3026-01-01T00:00:00Z"}
    assert {found.get("cid") for found in view["labels"]} == {None, cid}


@pytest.mark.parametrize(
    ("accept", "given", "found"),
    [
        (None, f"{KIND};redact, {STRICT};redact", ["kind sexual", "strict sexual"]),
        ("", None, []),
        (f"{STRICT};redact,{STRICT}", f"{STRICT};redact", ["strict sexual"]),
        (f"{NOBODY}, {KIND} ; redact=?1", f"{KIND};redact", ["kind sexual"]),
        (NOBODY, None, []),
    ],
    ids=["none", "empty", "twice", "one-of-two", "unknown"],
)
async def test_case_127_to_131_the_caller_says_whose_labels_it_takes(
    client: Client, rows: Rows, accept: str | None, given: str | None, found: list[str]
) -> None:
    await rows.account("alice")
    track = await rows.track("alice")
    for src in (KIND, STRICT):
        await rows.label(track, src=src)
    headers = {} if accept is None else {ACCEPT: accept}
    assert await labels_of(client, track, **headers) == found
    response = await client.http.get("/xrpc/fm.plyr.feed.getLatest", headers=headers)
    assert response.headers.get(CONTENT) == given


@pytest.mark.parametrize("wrong", ["kind", f"{KIND} redact", f'"{KIND}"', f"{KIND};=1", "did:"])
async def test_case_130_what_names_no_labelers_is_refused(client: Client, wrong: str) -> None:
    response = await client.http.get("/xrpc/fm.plyr.feed.getLatest", headers={ACCEPT: wrong})
    assert (response.status_code, response.json()["error"]) == (400, "InvalidRequest")


async def test_a_remembered_page_is_for_those_who_accept_the_same(
    settings: AppSettings, pool: Pool, catalog: Catalog, rows: Rows
) -> None:
    await rows.account("alice")
    await rows.label(await rows.track("alice"))
    remembering = replace(settings, remembers_pages=True)
    async with asking(create_app(remembering, pool, catalog, None)) as http:
        for accept, given in [(KIND, True), ("", False), (STRICT, False), (KIND, True)]:
            response = await http.get("/xrpc/fm.plyr.feed.getLatest", headers={ACCEPT: accept})
            assert ("labels" in response.json()["feed"][0]["track"]) is given


async def test_without_labelers_nothing_is_asked_or_told(
    settings: AppSettings, database_url: str, catalog: Catalog, rows: Rows
) -> None:
    await rows.account("alice")
    track = await rows.track("alice")
    await rows.label(track)
    lengths = []
    counted = Counted()
    async with asyncpg.create_pool(database_url, init=counted.watch) as pool:
        for labelers in ((), (KIND,)):
            chosen = replace(settings, labelers=labelers)
            async with asking(create_app(chosen, pool, catalog, None)) as http:
                counted.take()
                response = await http.get("/xrpc/fm.plyr.feed.getTrack", params={"uri": track})
                lengths.append(len(counted.take()))
            assert (CONTENT in response.headers) is bool(labelers)
            assert ("labels" in response.json()["track"]) is bool(labelers)
    assert lengths[1] == lengths[0] + 1


def test_what_carries_labels_is_what_the_lexicons_say(catalog: Catalog) -> None:
    for nsid, document in catalog.documents.items():
        if not nsid.endswith(".defs"):
            continue
        for name, definition in document["defs"].items():
            fields = definition.get("properties", {})
            view = dict.fromkeys(fields, "at://x")
            carries = fields.get("labels", {}).get("items", {}).get("ref", "").endswith("#label")
            assert bool(find_views(view, "fm.plyr")) is carries, f"{nsid}#{name}"


def test_a_record_as_its_author_wrote_it_is_no_view() -> None:
    record = {"did": did("x"), "handle": "x", "uri": "at://x", "author": "x", "indexedAt": "x"}
    views = find_views({"uri": "at://a", "author": {}, "indexedAt": 1, "record": record}, "fm.plyr")
    assert list(views) == ["at://a"]


def test_a_view_that_stands_twice_is_labelled_once() -> None:
    author = {"did": did("x"), "handle": "x"}
    views = find_views([{"actor": author}, {"actor": author}], "fm.plyr")
    assert [len(found) for found in views.values()] == [1, 1, 1]


def test_labelers_are_dids_and_each_counts_once() -> None:
    assert from_env({}).labelers == ()
    assert from_env({"PLYR_LABELERS": f"{KIND}, {STRICT},{KIND}"}).labelers == (KIND, STRICT)
    with pytest.raises(BadSetting, match="PLYR_LABELERS"):
        from_env({"PLYR_LABELERS": f"{KIND}, strict.test"})
