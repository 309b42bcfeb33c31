"""What a handle points at: a service that the operator names, then DNS, then the domain itself.

https://atproto.com/specs/handle#handle-resolution
"""

from typing import Final

import orjson

from lexicons.syntax import Did, Handle, InvalidSyntax, parse_did
from xrpc.client import GuardedClient, Response, Trouble, Unreachable
from xrpc.identity_errors import HandleNotResolved, IdentityUnavailable
from xrpc.names import Dns, NameNotFound, Names, NameTrouble
from xrpc.places import Places

MAX_WELL_KNOWN_BYTES: Final = 2_048
MAX_SERVICE_BYTES: Final = 64 * 1024
TIMEOUT_SECONDS: Final = 5.0
MAX_REDIRECTS: Final = 5
# Of names whose servers are strangers', too; who asks for more lets the slowest of them go.
LOOKUPS_AT_ONCE: Final = 64
LEAST_SECONDS: Final = 1.0
RESERVED_TLDS: Final = frozenset(
    {"alt", "arpa", "example", "internal", "invalid", "local", "localhost", "onion"}
)
# What may pass by itself; any other failure says that the domain points at nobody.
_PASSING: Final = {Trouble.TIMEOUT, Trouble.DNS, Trouble.CONNECT}


def is_reserved(host: str) -> bool:
    """A name that never resolves in public; `.test` only does in development."""
    top = host.lower().rpartition(".")[2]
    return top in RESERVED_TLDS or top == "test"


class HandleLookup:
    def __init__(
        self, client: GuardedClient, service_url: str | None = None, names: Names | None = None
    ) -> None:
        self._client = client
        self._service_url = service_url.rstrip("/") if service_url else None
        self._service_client = client.trusting(service_url) if service_url else client
        self._names = names or Dns()
        self._lookups = Places(LOOKUPS_AT_ONCE, LEAST_SECONDS)

    async def find(self, handle: Handle) -> Did:
        """Raise HandleNotResolved, or IdentityUnavailable where another attempt may know."""
        if handle.rpartition(".")[2] in RESERVED_TLDS:
            raise HandleNotResolved(f"{handle}: a reserved name")
        if self._service_url is None:
            return await self._ask_the_domain(handle)
        try:
            did = await self._ask_service(self._service_url, handle)
        except (Unreachable, IdentityUnavailable) as error:
            return await self._ask_the_domain(handle, trouble=error)
        if did is not None:
            return did
        try:
            return await self._ask_the_domain(handle)
        except IdentityUnavailable as error:  # one of the two did say no
            raise HandleNotResolved(f"{handle}: unknown to {self._service_url}") from error

    async def _ask_service(self, service_url: str, handle: Handle) -> Did | None:
        """None: the service does not know it, or says nothing that can be used."""
        try:
            response = await self._service_client.get(
                f"{service_url}/xrpc/com.atproto.identity.resolveHandle",
                params={"handle": handle},
                max_bytes=MAX_SERVICE_BYTES,
                timeout_seconds=TIMEOUT_SECONDS,
            )
            if response.status == 429 or response.status >= 500:
                raise IdentityUnavailable(f"{service_url}: HTTP {response.status}")
            answer = orjson.loads(response.body) if response.status == 200 else None
            return parse_did(answer["did"]) if isinstance(answer, dict) else None
        except (ValueError, KeyError, TypeError):
            return None

    async def _ask_the_domain(self, handle: Handle, trouble: Exception | None = None) -> Did:
        """With trouble so far, that the domain knows nothing proves nothing."""
        if is_reserved(handle) and not self._client.allows_private_addresses:
            if trouble is not None:
                raise IdentityUnavailable(f"{handle}: {trouble}") from trouble
            raise HandleNotResolved(f"{handle}: a name for tests")
        try:
            async with self._lookups.taken():
                texts = await self._names.texts(f"_atproto.{handle}")
            did = _did_of_texts(handle, texts)
        except NameNotFound:
            did = None
        except (NameTrouble, TimeoutError) as error:
            did, trouble = None, error
        if did is not None:
            return did
        try:
            return await self._ask_well_known(handle)
        except HandleNotResolved as error:
            if trouble is not None:
                raise IdentityUnavailable(f"{handle}: {trouble}") from error
            raise

    async def _ask_well_known(self, handle: Handle) -> Did:
        try:
            response = await self._client.get(
                f"https://{handle}/.well-known/atproto-did",
                max_bytes=MAX_WELL_KNOWN_BYTES,
                timeout_seconds=TIMEOUT_SECONDS,
                max_redirects=MAX_REDIRECTS,
            )
        except Unreachable as error:
            if error.reason in _PASSING:
                raise IdentityUnavailable(f"{handle}: {error}") from error
            raise HandleNotResolved(f"{handle}: {error}") from error
        return _did_of_body(handle, response)


def _did_of_texts(handle: Handle, texts: list[str]) -> Did | None:
    found = set()
    for text in texts:
        if text.startswith("did="):
            try:
                found.add(parse_did(text.removeprefix("did=").strip()))
            except InvalidSyntax:
                continue
    if len(found) > 1:
        raise HandleNotResolved(f"{handle}: its TXT records name {len(found)} DIDs")
    return next(iter(found), None)


def _did_of_body(handle: Handle, response: Response) -> Did:
    if response.status == 429 or response.status >= 500:
        raise IdentityUnavailable(f"{handle}: HTTP {response.status}")
    if not 200 <= response.status < 300:
        raise HandleNotResolved(f"{handle}: HTTP {response.status}")
    try:
        return parse_did(response.body.decode("ascii").strip())
    except ValueError as error:
        raise HandleNotResolved(f"{handle}: its well-known file holds no DID") from error
