"""What the index must say, worked out from what the PDS and the PLC directory serve.

None of our own code takes part: a second opinion must not make the same mistake.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.reference.network import Network
from tests.reference.records import (
    BSKY_PROFILE,
    COLLECTIONS,
    COMMENT,
    LIKE,
    LIST,
    PROFILE,
    TRACK,
)
from tests.support import http_client

PAGE = 100


@dataclass(frozen=True, slots=True)
class Held:
    """A record as its PDS serves it."""

    uri: str
    cid: str
    value: Mapping[str, Any]

    @property
    def did(self) -> str:
        return self.uri.split("/")[2]

    @property
    def rkey(self) -> str:
        return self.uri.rpartition("/")[2]

    @property
    def subject(self) -> str:
        subject: str = self.value["subject"]["uri"]
        return subject

    @property
    def age(self) -> tuple[str, str]:
        """Newest first is this, reversed: the microseconds in the TID, then the URI."""
        return self.rkey[:11], self.uri


@dataclass(frozen=True, slots=True)
class World:
    """Everything valid of everybody active, by collection, and the handles that hold both ways."""

    records: Mapping[str, list[Held]]
    handles: Mapping[str, str]
    invalid: list[Held] = field(default_factory=list)

    def of(self, collection: str, did: str) -> list[Held]:
        return [record for record in self.records[collection] if record.did == did]

    @property
    def dids(self) -> set[str]:
        """Who wrote anything that is indexed."""
        return {record.did for name in COLLECTIONS for record in self.records[name]}


async def read_world(network: Network) -> World:
    repos = (await network.query("com.atproto.sync.listRepos", limit=1000))["repos"]
    active = [repo["did"] for repo in repos if repo["active"]]
    handles = await asyncio.gather(*(_handle(network, did) for did in active))
    records: dict[str, list[Held]] = {}
    invalid: list[Held] = []
    for collection in (*COLLECTIONS, BSKY_PROFILE):
        held = [await _list(network, did, collection) for did in active]
        everything = [record for page in held for record in page]
        records[collection] = [item for item in everything if item.uri not in network.invalid]
        invalid += [item for item in everything if item.uri in network.invalid]
    return World(records, dict(zip(active, handles, strict=True)), invalid)


async def _handle(network: Network, did: str) -> str:
    """From the DID document, if the PDS says that the handle means this DID."""
    async with http_client() as client:
        document = (await client.get(f"{network.plc}/{did}")).json()
    handle: str = document["alsoKnownAs"][0].removeprefix("at://")
    answer = await network.query("com.atproto.identity.resolveHandle", handle=handle)
    assert answer["did"] == did
    return handle


async def _list(network: Network, did: str, collection: str) -> list[Held]:
    method = "com.atproto.repo.listRecords"
    asked: dict[str, Any] = {"repo": did, "collection": collection, "limit": PAGE}
    found: list[Held] = []
    while True:
        answer = await network.query(method, **asked)
        found += [Held(item["uri"], item["cid"], item["value"]) for item in answer["records"]]
        if "cursor" not in answer or not answer["records"]:
            return found
        asked["cursor"] = answer["cursor"]


def likers(world: World) -> dict[str, set[str]]:
    """Who likes a subject: an account counts once, however many records say so."""
    found: dict[str, set[str]] = defaultdict(set)
    for record in world.records[LIKE]:
        found[record.subject].add(record.did)
    return found


def shown_likers(world: World) -> dict[str, set[str]]:
    """Of everything that is shown and that anybody likes, tracks or not."""
    shown = {record.uri for records in world.records.values() for record in records}
    return {uri: dids for uri, dids in likers(world).items() if uri in shown}


def expected_tracks(world: World) -> dict[str, Any]:
    liked = likers(world)
    comments: dict[str, int] = defaultdict(int)
    for record in world.records[COMMENT]:
        comments[record.subject] += 1
    lists: dict[str, int] = defaultdict(int)
    for record in world.records[LIST]:
        for uri in {item["subject"]["uri"] for item in record.value["items"]}:
            lists[uri] += 1
    return {
        record.uri: {
            "cid": record.cid,
            "record": record.value,
            "title": record.value["title"],
            "author": (record.did, world.handles[record.did]),
            "likes": len(liked[record.uri]),
            "comments": comments[record.uri],
            "lists": lists[record.uri],
        }
        for record in world.records[TRACK]
    }


def expected_order(world: World, did: str | None = None) -> list[str]:
    """Tracks, newest first."""
    tracks = [track for track in world.records[TRACK] if did in (None, track.did)]
    return [track.uri for track in sorted(tracks, key=lambda track: track.age, reverse=True)]


def expected_comments(world: World) -> dict[str, list[tuple[int, str, str]]]:
    found: dict[str, list[tuple[int, str, str]]] = {track.uri: [] for track in world.records[TRACK]}
    for record in world.records[COMMENT]:
        if record.subject in found:
            entry = (record.value["timestampMs"], record.uri, record.value["text"])
            found[record.subject].append(entry)
    return {uri: sorted(entries) for uri, entries in found.items()}


def expected_lists(world: World) -> dict[str, Any]:
    shown = {track.uri for track in world.records[TRACK]}
    return {
        record.uri: {
            "cid": record.cid,
            "name": record.value.get("name"),
            "author": record.did,
            "items": [
                (item["subject"]["uri"], item["subject"]["uri"] in shown)
                for item in record.value["items"]
            ],
        }
        for record in world.records[LIST]
    }


def expected_profiles(world: World) -> dict[str, Any]:
    liked = likers(world)
    names = {item.did: item.value.get("displayName") for item in world.records[BSKY_PROFILE]}
    bios = {item.did: item.value.get("bio") for item in world.records[PROFILE]}
    return {
        did: {
            "handle": world.handles[did],
            "displayName": names.get(did),
            "bio": bios.get(did),
            "tracks": len(world.of(TRACK, did)),
            "lists": len(world.of(LIST, did)),
            "likesGiven": len({record.subject for record in world.of(LIKE, did)}),
            "likesReceived": sum(
                len(dids) for uri, dids in liked.items() if uri.split("/")[2:4] == [did, TRACK]
            ),
        }
        for did in world.dids
    }


def expected_actor_likes(world: World, did: str) -> set[str]:
    shown = {track.uri for track in world.records[TRACK]}
    return {record.subject for record in world.of(LIKE, did)} & shown
