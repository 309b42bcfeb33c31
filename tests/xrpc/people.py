"""A world of accounts for identity tests: a directory, handles, and a clock that stands still."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lexicons.syntax import Did
from tests.support import NO_AUTHORITIES
from tests.xrpc.servers import FakeNames, Request, Server, http, serving
from xrpc.client import GuardedClient, Response
from xrpc.identity import IdentityResolver
from xrpc.identity_store import IdentityStore
from xrpc.keys import PublicKey, multikey

ALICE = Did("did:plc:" + "a" * 24)
BOB = Did("did:plc:" + "b" * 24)


def new_key(number: int = 1) -> PublicKey:
    native = ec.derive_private_key(number, ec.SECP256K1()).public_key()
    return PublicKey("k256", native.public_bytes(Encoding.X962, PublicFormat.CompressedPoint))


def document(did: str, **changes: object) -> dict[str, Any]:
    """A DID document as the directory gives it; None leaves a field out."""
    made: dict[str, object] = {
        "@context": ["https://www.w3.org/ns/did/v1"],
        "id": did,
        "alsoKnownAs": ["at://alice.test"],
        "verificationMethod": [
            {
                "id": f"{did}#atproto",
                "type": "Multikey",
                "controller": did,
                "publicKeyMultibase": multikey(new_key()),
            }
        ],
        "service": [
            {
                "id": "#atproto_pds",
                "type": "AtprotoPersonalDataServer",
                "serviceEndpoint": "https://pds.example.com",
            }
        ],
    } | changes
    return {name: value for name, value in made.items() if value is not None}


@dataclass(slots=True)
class Clock:
    now: datetime = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


class RoutedClient(GuardedClient):
    """Reaches the hosts of a test where their servers really listen."""

    routes: dict[str, str]

    async def get(self, url: str, **asked: Any) -> Response:
        for origin, real in self.routes.items():
            url = url.replace(origin, real, 1) if url.startswith(origin + "/") else url
        return await super().get(url, **asked)


@dataclass(slots=True)
class World:
    """`documents` holds documents or statuses, `well_known` bodies by handle."""

    clock: Clock = field(default_factory=Clock)
    documents: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    service: dict[str, str] = field(default_factory=dict)
    well_known: dict[str, bytes] = field(default_factory=dict)
    names: FakeNames = field(default_factory=FakeNames)

    def answer(self, request: Request) -> bytes:
        path, _, query = request.path.partition("?")
        if path == "/xrpc/com.atproto.identity.resolveHandle":
            did = self.service.get(query.removeprefix("handle="))
            return http(orjson.dumps({"did": did}) if did else b"{}", 200 if did else 400)
        if path.startswith("/domain/"):
            return self.well_known.get(path.split("/")[2], http("not here", 404))
        found = self.documents.get(path.removeprefix("/"), 404)
        if isinstance(found, int):
            return http(b"{}", found, **self.headers)
        return http(orjson.dumps(found))


@dataclass(slots=True)
class Running:
    world: World
    server: Server
    resolver: IdentityResolver
    client: RoutedClient

    def route(self, handle: str, origin: str) -> None:
        self.client.routes[f"https://{handle}"] = origin

    @property
    def documents_asked(self) -> int:
        return sum(path.startswith("/did:") for path in self.server.paths)


@asynccontextmanager
async def running(
    world: World, store: IdentityStore | None = None, *, with_service: bool = False
) -> AsyncIterator[Running]:
    async with serving(world.answer) as server:
        client = RoutedClient(
            allow_private_addresses=True,
            user_agent="tests",
            names=world.names,
            ssl_context=NO_AUTHORITIES,
        )
        client.routes = {
            f"https://{handle}": f"{server.url}/domain/{handle}" for handle in world.well_known
        }
        resolver = IdentityResolver(
            client,
            server.url,
            server.url if with_service else None,
            store,
            world.clock,
            world.names,
        )
        async with client, resolver:
            yield Running(world, server, resolver, client)
