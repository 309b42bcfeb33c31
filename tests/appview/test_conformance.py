"""The conformance checklist's cases of XRPC, 95 to 112, asked of the program as it is."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from appview.app import create_app
from appview.context import AppSettings
from lexicons.catalog import Catalog
from lexicons.syntax import Did, parse_did
from migrations.database import Pool
from tests.appview.conftest import Client
from tests.appview.makers import Rows, at
from tests.appview.served import asking
from tests.network.keys import SigningKey
from xrpc.did_document import parse_did_document
from xrpc.keys import parse_multikey

LATEST = "/xrpc/fm.plyr.feed.getLatest"
TRACKS = "/xrpc/fm.plyr.feed.getTracks"
TRACK = "at://did:plc:alice/fm.plyr.track/3kaaaaaaaaa22"


async def refused(client: Client, path: str, params: Any, named: str) -> None:
    response = await client.http.get(path, params=params)
    assert response.status_code == 400, response.text
    assert response.json()["error"] == "InvalidRequest"
    assert response.json()["message"].startswith(named)


async def test_case_95_a_missing_parameter_is_named(client: Client) -> None:
    await refused(client, "/xrpc/fm.plyr.feed.getTrack", {}, "uri: ")
    await refused(client, "/xrpc/fm.plyr.feed.getActorTracks", {"limit": 5}, "actor: ")


@pytest.mark.parametrize("limit", ["0", "101", "abc", "1.5"])
async def test_case_96_a_limit_is_a_number_from_1_to_100(client: Client, limit: str) -> None:
    await refused(client, LATEST, {"limit": limit}, "limit: ")


@pytest.mark.parametrize("playable", ["yes", "1", "True"])
async def test_case_97_a_boolean_is_true_or_false(client: Client, playable: str) -> None:
    await refused(client, LATEST, {"playable": playable}, "playable: ")


async def test_case_98_an_array_takes_as_many_as_its_lexicon_says(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    uris = [await rows.track("alice") for _ in range(25)]
    uris += [TRACK] * 30
    answer = await client.ask("feed.getTracks", uris=uris[:50])
    assert len(answer["tracks"]) == 25
    await refused(client, TRACKS, {"uris": uris[:51]}, "uris: ")
    actors = [f"did:plc:actor{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    assert len((await client.ask("actor.getProfiles", actors=actors[:25]))["missing"]) == 25
    await refused(client, "/xrpc/fm.plyr.actor.getProfiles", {"actors": actors}, "actors: ")


async def test_case_99_a_single_value_is_an_array_of_one(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    uri = await rows.track("alice")
    answer = await client.ask("feed.getTracks", uris=uri)
    assert [track["uri"] for track in answer["tracks"]] == [uri]


async def test_case_100_a_value_given_twice_is_refused(client: Client) -> None:
    await refused(client, LATEST, [("limit", "5"), ("limit", "5")], "limit: ")


@pytest.mark.parametrize(
    ("method", "name", "value"),
    [
        ("actor.getProfile", "actor", "-alice.test"),
        ("actor.getProfile", "actor", "did:PLC:alice"),
        ("actor.getProfile", "actor", "alice"),
        ("feed.getTrack", "uri", "https://music.test"),
        ("feed.getTrack", "uri", "at://alice/fm.plyr.track/1"),
        ("sync.getRecordStatus", "did", "alice.test"),
        ("feed.getLatest", "since", "yesterday"),
    ],
)
async def test_case_102_a_malformed_identifier_is_refused(
    client: Client, method: str, name: str, value: str
) -> None:
    await refused(client, f"/xrpc/fm.plyr.{method}", {name: value}, f"{name}: ")


async def test_case_103_250_rows_are_walked_once_each_and_the_last_page_has_no_cursor(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    made = [await rows.track("alice") for _ in range(250)]
    walked: list[str] = []
    params: dict[str, Any] = {"limit": 100}
    while True:
        page = await client.ask("feed.getLatest", **params)
        walked += [item["track"]["uri"] for item in page["feed"]]
        if "cursor" not in page:
            break
        params["cursor"] = page["cursor"]
        await rows.track("alice", sort_at=at(-1))  # at the end
        await rows.delete(walked[-1])  # the one that the cursor names
    assert sorted(uri for uri in walked if uri in made) == sorted(made)
    await refused(client, LATEST, {"cursor": "garbage"}, "cursor: ")
    await refused(client, LATEST, {"cursor": params["cursor"] + "A"}, "cursor: ")


async def test_case_104_a_page_of_nothing_shown_is_not_the_end(client: Client, rows: Rows) -> None:
    """In a ranking that was taken before: elsewhere what is hidden never takes up a place."""
    await rows.account("alice")
    await rows.account("bob")
    hidden = [await rows.track("bob", features=["did:plc:alice"]) for _ in range(3)]
    for fan in ("fana", "fanb"):
        for uri in hidden:
            await rows.like(fan, uri)
    shown = await rows.track("alice")
    asked = {"actor": "did:plc:alice", "sort": "top", "includeFeatures": "true", "limit": 1}
    first = await client.ask("feed.getActorTracks", **asked)
    assert first["feed"][0]["track"]["uri"] in hidden
    await rows.hide("bob")
    second = await client.ask("feed.getActorTracks", **asked, cursor=first["cursor"])
    assert second["feed"] == []
    third = await client.ask("feed.getActorTracks", **asked, cursor=second["cursor"])
    last = await client.ask("feed.getActorTracks", **asked, cursor=third["cursor"])
    assert [item["track"]["uri"] for item in last["feed"]] == [shown]
    assert "cursor" not in last


async def test_case_104_hidden_rows_do_not_shorten_a_page(client: Client, rows: Rows) -> None:
    await rows.account("alice")
    await rows.account("bob")
    shown = await rows.track("alice")
    for _ in range(120):
        await rows.track("bob")
    await rows.hide("bob")
    page = await client.ask("feed.getLatest", limit=1)
    assert [item["track"]["uri"] for item in page["feed"]] == [shown]


async def test_case_110_the_did_document_says_where_the_service_is(client: Client) -> None:
    document = (await client.http.get("/.well-known/did.json")).json()
    assert parse_did(document["id"]) == "did:web:music.test"
    (service,) = document["service"]
    endpoint = httpx.URL(service["serviceEndpoint"])
    assert service["id"] == "#plyr_appview"
    assert (endpoint.scheme, endpoint.path, endpoint.query) == ("https", "/", b"")


async def test_case_110_the_did_document_has_the_key_of_the_service(
    settings: AppSettings, pool: Pool, catalog: Catalog
) -> None:
    key = SigningKey().multikey
    keyed = replace(settings, service_key=parse_multikey(key))
    async with asking(create_app(keyed, pool, catalog, None)) as http:
        answer = await http.get("/.well-known/did.json")
    document = parse_did_document(Did("did:web:music.test"), answer.json())
    assert document.key == parse_multikey(key)


async def test_case_111_an_actor_is_named_by_did_or_by_handle_in_any_case(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    await rows.track("alice")
    for method in ("actor.getProfile", "feed.getActorTracks", "library.getActorLists"):
        answers = [
            await client.ask(method, actor=actor)
            for actor in ("did:plc:alice", "alice.test", "ALICE.Test")
        ]
        assert answers[0] == answers[1] == answers[2]
        await refused(client, f"/xrpc/fm.plyr.{method}", {"actor": "handle.invalid"}, "actor: ")


async def test_case_112_a_record_that_is_not_shown_is_a_400_of_its_own_name(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    await rows.account("bob")
    taken_down, inactive = await rows.track("alice"), await rows.track("bob")
    await rows.take_down(taken_down)
    await rows.hide("bob")
    for uri in (taken_down, inactive):
        assert await client.refusal("feed.getTrack", uri=uri) == "TrackUnavailable"
    assert await client.refusal("feed.getTrack", uri=TRACK) == "TrackNotFound"
    nobody = TRACK.replace("alice", "nobody")
    assert await client.refusal("feed.getTrack", uri=nobody) == "TrackNotFound"
