"""DID documents from where their method keeps them: a PLC directory, or the domain itself."""

import asyncio
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, unquote

import orjson

from lexicons.syntax import Did, is_did, is_handle
from xrpc.client import GuardedClient, Response, Unreachable
from xrpc.did_document import DidDocument, InvalidDocument, parse_did_document
from xrpc.handles import is_reserved
from xrpc.identity_errors import (
    DidDocumentInvalid,
    DidNotFound,
    DidTombstoned,
    DidUnsupported,
    IdentityUnavailable,
)
from xrpc.token_bucket import TokenBucket

MAX_DOCUMENT_BYTES: Final = 64 * 1024
TIMEOUT_SECONDS: Final = 5.0
PLC_PER_SECOND: Final = 20.0
PLC_BURST: Final = 500.0
LONGEST_WAIT_SECONDS: Final = 15.0
LONGEST_PAUSE_SECONDS: Final = 300.0
ACCEPT: Final = {"accept": "application/did+ld+json, application/json"}


class Directory:
    """`seconds` is a clock that only goes forward."""

    def __init__(
        self, client: GuardedClient, plc_url: str, *, seconds: Callable[[], float]
    ) -> None:
        self._client = client
        self._plc_url = plc_url.rstrip("/")
        self._plc_client = client.trusting(self._plc_url)
        self._seconds = seconds
        self._plc_rate = TokenBucket.full(PLC_PER_SECOND, PLC_BURST, seconds())
        self._plc_paused_until = 0.0

    @property
    def is_idle(self) -> bool:
        """There is room for questions that can wait."""
        return self._plc_rate.has(PLC_BURST / 2, self._seconds())

    async def fetch(self, did: Did) -> DidDocument:
        if not is_did(did):
            raise DidUnsupported(f"{did[:100]!r} is not a DID")
        if did.startswith("did:plc:"):
            response = await self._ask_plc(did)
        elif did.startswith("did:web:"):
            response = await self._ask_domain(did)
        else:
            raise DidUnsupported(f"{did}: neither did:plc nor did:web")
        if response.status != 200:
            raise IdentityUnavailable(f"{did}: HTTP {response.status}")
        try:
            return parse_did_document(did, orjson.loads(response.body))
        except (orjson.JSONDecodeError, InvalidDocument) as error:
            raise DidDocumentInvalid(f"{did}: {error}") from error

    async def _ask_plc(self, did: Did) -> Response:
        wait = self._plc_rate.reserve(self._seconds(), longest_wait=LONGEST_WAIT_SECONDS)
        if wait is None or self._seconds() < self._plc_paused_until:
            raise IdentityUnavailable(f"{did}: the directory is asked too often")
        await asyncio.sleep(wait)
        url = f"{self._plc_url}/{quote(did, safe=':')}"
        response = await self._get(self._plc_client, did, url)
        if response.status == 404:
            raise DidNotFound(f"{did} is not registered")
        if response.status == 410:
            raise DidTombstoned(f"{did} is a tombstone")
        if response.status == 429:
            self._plc_paused_until = self._seconds() + _pause(response)
        return response

    async def _ask_domain(self, did: Did) -> Response:
        url = _web_origin(did, allow_localhost=self._client.allows_private_addresses)
        response = await self._get(self._client, did, f"{url}/.well-known/did.json")
        if response.status in {404, 410}:
            raise DidNotFound(f"{did}: its domain has no document")
        return response

    async def _get(self, client: GuardedClient, did: Did, url: str) -> Response:
        try:
            return await client.get(
                url, max_bytes=MAX_DOCUMENT_BYTES, timeout_seconds=TIMEOUT_SECONDS, headers=ACCEPT
            )
        except Unreachable as error:
            raise IdentityUnavailable(f"{did}: {error}") from error


def _web_origin(did: Did, *, allow_localhost: bool) -> str:
    name = did.removeprefix("did:web:")
    host, _, port = unquote(name).partition(":")
    if host == "localhost" and allow_localhost and ":" not in name:
        return f"http://localhost:{port}" if port.isdecimal() else "http://localhost"
    if not is_handle(name) or (is_reserved(name) and not allow_localhost):
        raise DidUnsupported(f"{did}: only a did:web of a public domain, without port or path")
    return f"https://{name}"


def _pause(response: Response) -> float:
    text = response.headers.get("retry-after", "")
    seconds = float(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 10.0
    return min(max(seconds, 1.0), LONGEST_PAUSE_SECONDS)
