"""A small ATProto network on loopback, all of it in the test's event loop.

The story of a test is told through `World` and `Person`; what should then be seen follows from
the same objects in `oracle.py`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.network.directory import Directory
from tests.network.encoding import Decoded, TidClock, from_dag_cbor
from tests.network.keys import Curve, SigningKey
from tests.network.pds import Account, Pds
from tests.network.relay import Relay, Told
from tests.network.repo import CommitEvent, Repo, Write, account_event, identity_event

Json = dict[str, Any]
Telling = Callable[[CommitEvent], Told | None]
"""How a commit reaches the relay: as it is, changed, or (None) not at all."""


@dataclass(frozen=True, slots=True)
class Written:
    uri: str
    cid: str
    rev: str
    seq: int

    @property
    def path(self) -> str:
        return self.uri.split("/", 3)[3]

    @property
    def rkey(self) -> str:
        return self.uri.rsplit("/", 1)[1]


def as_it_is(event: CommitEvent) -> Told:
    return event


def untold(_: CommitEvent) -> None:
    return None


@dataclass(slots=True, eq=False)
class Person:
    world: World
    account: Account
    invalid: set[str] = field(default_factory=set)
    """Paths whose newest record breaks its lexicon."""
    ever: set[str] = field(default_factory=set)
    """Paths that were ever written, in the order of nobody."""

    @property
    def did(self) -> str:
        return self.account.did

    @property
    def handle(self) -> str:
        return self.account.handle

    @property
    def repo(self) -> Repo:
        return self.account.repo

    @property
    def pds(self) -> Pds:
        return self.account.pds

    def uri(self, path: str) -> str:
        return f"at://{self.did}/{path}"

    def new_path(self, value: Json, rkey: str | None = None) -> str:
        collection: str = value["$type"]
        own = "self" if collection.endswith(".actor.profile") else self.world.clock.next()
        return f"{collection}/{rkey or own}"

    def creating(self, value: Json, rkey: str | None = None) -> Write:
        return Write("create", self.new_path(value, rkey), value)

    async def write(
        self,
        value: Json,
        rkey: str | None = None,
        *,
        valid: bool = True,
        told: Telling = as_it_is,
    ) -> Written:
        """Create the record, or replace the one that stands at its rkey (putRecord)."""
        path = self.new_path(value, rkey)
        exists = path.encode() in self.repo.records
        write = Write("update" if exists else "create", path, value)
        return await self._one(write, valid=valid, told=told)

    async def update(
        self, record: Written, value: Json, *, valid: bool = True, told: Telling = as_it_is
    ) -> Written:
        return await self._one(Write("update", record.path, value), valid=valid, told=told)

    async def delete(self, record: Written, *, told: Telling = as_it_is) -> int:
        return await self.commit([Write("delete", record.path)], told=told)

    async def _one(self, write: Write, *, valid: bool, told: Telling) -> Written:
        seq = await self.commit([write], invalid=() if valid else [write.path], told=told)
        cid = str(self.repo.records[write.key])
        assert self.repo.rev is not None
        return Written(self.uri(write.path), cid, self.repo.rev, seq)

    async def commit(
        self,
        writes: Iterable[Write] = (),
        *,
        invalid: Iterable[str] = (),
        told: Telling = as_it_is,
        rev: str | None = None,
    ) -> int:
        """All of it in one commit; answers with the seq of its frame."""
        writes = list(writes)
        event = self.repo.commit(writes, rev=rev)
        changed = {write.path for write in writes}
        self.invalid = (self.invalid - changed) | set(invalid)
        self.ever |= changed
        message = told(event)
        return self.world.relay.tell(message) if message else self.world.relay.seq

    def record(self, path: str) -> Decoded:
        return from_dag_cbor(self.repo.value(path))

    async def forge(self, telling: Telling, writes: Iterable[Write] | None = None) -> CommitEvent:
        """Tell a commit that never happened: her own repository does not move."""
        fork = self.repo.fork()
        if writes is None:
            writes = [self.creating({"$type": "fm.plyr.track", **FORGED})]
        event = fork.commit(writes)
        if message := telling(event):
            self.world.relay.tell(message)
        return event

    async def sync(self) -> int:
        return self.world.relay.tell(self.repo.sync())

    def times_asked(self, name: str) -> int:
        """How often somebody asked her PDS of now about her by that method."""
        return sum(
            asked.name == name and asked.params.get("did") == [self.did] for asked in self.pds.asked
        )

    def repo_requests(self) -> int:
        """How often somebody fetched blocks of her repository."""
        return sum(
            self.times_asked(f"com.atproto.sync.{name}")
            for name in ("getRepo", "getBlocks", "getRecord")
        )

    async def become(self, status: str, *, told: bool = True) -> None:
        """active, deactivated, suspended, takendown or deleted, at her PDS."""
        self.account.status = status
        if told:
            self.say_account(active=status == "active", status=None if self.active else status)

    @property
    def active(self) -> bool:
        return self.account.active

    def say_account(self, *, active: bool, status: str | None = None) -> int:
        """What an #account frame claims, true or not."""
        return self.world.relay.tell(account_event(self.did, active=active, status=status))

    def say_identity(self, handle: str | None = None) -> int:
        return self.world.relay.tell(identity_event(self.did, handle))

    async def rename(self, handle: str, *, told: bool = True) -> None:
        handles = self.world.directory.handles
        if handles.get(self.handle) == self.did:
            del handles[self.handle]
        self.account.handle = handle
        handles[handle] = self.did
        if told:
            self.say_identity(handle)

    async def rotate_key(self, curve: Curve = "k256", *, told: bool = True) -> SigningKey:
        """Answers with the old key."""
        old, new = self.account.key, SigningKey(curve)
        self.account.key = self.repo.key = new
        if told:
            self.say_identity()
        return old

    async def move_to(self, pds: Pds) -> None:
        """A migration as the network sees it: new host, new key, then an empty commit."""
        del self.pds.accounts[self.did]
        self.account.pds = pds
        pds.accounts[self.did] = self.account
        await self.rotate_key()
        self.say_account(active=True)
        await self.commit()


FORGED: Json = {
    "title": "Never played",
    "artist": "Nobody",
    "fileType": "mp3",
    "audioUrl": "https://audio.plyr.fm/audio/ffffffffffffffff.mp3",
    "createdAt": "2026-01-01T00:00:00Z",
}


@dataclass(slots=True, eq=False)
class World:
    relay: Relay
    directory: Directory
    clock: TidClock
    pdses: list[Pds] = field(default_factory=list)
    people: dict[str, Person] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    @asynccontextmanager
    async def open(cls, pdses: int = 1) -> AsyncIterator[World]:
        people: dict[str, Person] = {}
        relay = Relay(lambda: [person.account for person in people.values()])
        world = cls(relay, Directory(), TidClock(secrets.randbelow(1024)), people=people)
        try:
            await world.directory.open()
            await relay.open()
            for _ in range(pdses):
                await world.another_pds()
            yield world
        finally:
            servers = (world.directory, *world.pdses)
            await asyncio.gather(relay.close(), *(server.close() for server in servers))

    async def another_pds(self) -> Pds:
        pds = Pds()
        await pds.open()
        self.pdses.append(pds)
        return pds

    async def person(
        self,
        name: str = "alice",
        *,
        curve: Curve = "k256",
        pds: Pds | None = None,
        web: bool = False,
        greeted: bool = True,
    ) -> Person:
        """A new account. Greeted as by the reference PDS: four frames and an empty first commit."""
        if web:
            pds = await self.another_pds()
        home = pds or self.pdses[0]
        did = f"did:web:localhost%3A{home.port}" if web else new_plc_did()
        handle = f"{name}-{next(self._numbers)}.test"
        key = SigningKey(curve)
        account = Account(did, handle, key, Repo(did, key, self.clock), home)
        home.accounts[did] = account
        if not web:
            self.directory.accounts[did] = account
        self.directory.handles[handle] = did
        person = self.people[did] = Person(self, account)
        if greeted:
            person.say_identity(handle)
            person.say_account(active=True)
            await person.commit()
            await person.sync()
        return person


def new_plc_did() -> str:
    digest = hashlib.sha256(secrets.token_bytes(16)).digest()
    return "did:plc:" + base64.b32encode(digest).decode().lower()[:24]
