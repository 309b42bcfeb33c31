"""Who asks with a token, and what is kept for those who do not."""

import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appview.app import ENDPOINTS, create_app
from appview.context import AppSettings
from lexicons.catalog import Catalog
from migrations.database import Pool
from tests.appview.makers import Rows
from tests.appview.served import asking
from xrpc.client import GuardedClient
from xrpc.identity import IdentityResolver
from xrpc.identity_store import IdentityStore
from xrpc.keys import PublicKey, multikey

LATEST = "fm.plyr.feed.getLatest"
HOT = sorted(endpoint.nsid for endpoint in ENDPOINTS if endpoint.memory_seconds)
KEY = ec.derive_private_key(7, ec.SECP256K1())


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def token(did: str, method: str = LATEST, audience: str = "did:web:music.test") -> dict[str, str]:
    """As a PDS makes one for the account it speaks for."""
    now = int(time.time())
    claims = {"iss": did, "aud": audience, "lxm": method, "iat": now, "exp": now + 60, "jti": "1"}
    header = {"alg": "ES256K", "typ": "JWT"}
    signed = ".".join(base64url(orjson.dumps(part)) for part in (header, claims))
    r, s = utils.decode_dss_signature(KEY.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    signature = base64url(r.to_bytes(32) + s.to_bytes(32))
    return {"authorization": f"Bearer {signed}.{signature}"}


@dataclass(frozen=True, slots=True)
class Service:
    http: httpx.AsyncClient

    async def latest(self, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.http.get(f"/xrpc/{LATEST}", headers=headers)


@pytest.fixture
async def viewer(rows: Rows) -> str:
    """Alice, whose key the index knows already."""
    compressed = KEY.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return await rows.account(
        "alice",
        signing_key=multikey(PublicKey("k256", compressed)),
        identity_at=datetime.now(UTC),
    )


@pytest.fixture
async def service(settings: AppSettings, pool: Pool, catalog: Catalog) -> AsyncIterator[Service]:
    """The program as it runs: with its memory of pages, and tokens accepted."""
    async with resolver(pool) as identities:
        remembering = replace(settings, remembers_pages=True)
        async with asking(create_app(remembering, pool, catalog, identities)) as http:
            yield Service(http)


@asynccontextmanager
async def resolver(pool: Pool) -> AsyncIterator[IdentityResolver]:
    async with (
        GuardedClient(allow_private_addresses=False, user_agent="test") as client,
        IdentityResolver(client, "http://plc.invalid", store=IdentityStore(pool)) as identities,
    ):
        yield identities


async def test_R55_a_viewer_never_gets_the_page_that_is_kept_for_everybody(
    service: Service, rows: Rows, viewer: str
) -> None:
    kept = await service.latest()
    assert kept.json()["feed"] == []
    await rows.track("alice")
    again = await service.latest()
    assert again.content == kept.content
    own = await service.latest(token(viewer))
    assert len(own.json()["feed"]) == 1
    assert own.headers["cache-control"] == "private, no-store"
    assert "authorization" in kept.headers["vary"]
    assert (await service.latest()).content == kept.content


@pytest.mark.parametrize("nsid", HOT)
async def test_R55_what_is_kept_holds_nothing_of_a_viewer(
    service: Service, rows: Rows, viewer: str, nsid: str
) -> None:
    await rows.like("alice", await rows.track("alice"))
    path = f"/xrpc/{nsid}"
    own = await service.http.get(path, headers=token(viewer, nsid))
    kept = await service.http.get(path)
    assert (own.status_code, kept.status_code) == (200, 200)
    assert own.headers["cache-control"] == "private, no-store"
    assert kept.headers["cache-control"] == "public, max-age=1"
    assert b'"viewer"' not in kept.content
    assert "atproto-repo-rev" not in kept.headers


def test_R55_nothing_is_kept_that_needs_a_viewer() -> None:
    assert LATEST in HOT
    assert not any(endpoint.needs_viewer for endpoint in ENDPOINTS if endpoint.memory_seconds)


@pytest.mark.parametrize("audience", ["did:web:music.test", "did:web:music.test#plyr_appview"])
async def test_both_names_of_this_service_are_accepted(
    service: Service, viewer: str, audience: str
) -> None:
    assert (await service.latest(token(viewer, audience=audience))).status_code == 200


async def test_a_wrong_token_is_refused_and_never_anonymous(service: Service, viewer: str) -> None:
    for wrong in (
        token(viewer, audience="did:web:other.test"),
        token(viewer, method="fm.plyr.feed.getTrack"),
        {"authorization": "Bearer nonsense"},
        {"authorization": "Basic YTpi"},
    ):
        assert (await service.latest(wrong)).status_code == 401


async def test_the_rev_of_the_viewers_repo_is_said_when_all_of_it_is_here(
    service: Service, rows: Rows, viewer: str
) -> None:
    assert "atproto-repo-rev" not in (await service.latest(token(viewer))).headers
    await rows.insert("repo", did=viewer, state="synchronized", rev="3kaaaaaaaaa22")
    answer = await service.latest(token(viewer))
    assert answer.headers["atproto-repo-rev"] == "3kaaaaaaaaa22"
    await rows.pool.execute("update repo set state = 'desynchronized'")
    assert "atproto-repo-rev" not in (await service.latest(token(viewer))).headers
