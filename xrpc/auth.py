"""Who asks: the viewer behind a service-auth token, proven by the key of their DID.

A token may be used again for queries until it expires; a procedure takes it once.
"""

from collections.abc import Callable
from typing import Final

from cachetools import TLRUCache

from lexicons.catalog import Method
from lexicons.syntax import Did
from xrpc.errors import not_enough_resources, unauthorized
from xrpc.identity import Identity, IdentityError, IdentityResolver
from xrpc.service_token import MAX_TOKEN_CHARS, ServiceToken, parse_token
from xrpc.token_bucket import TokenBucket

REPLAYS_REMEMBERED: Final = 100_000
# Anybody can name DIDs never heard of, and forge tokens of those that are known: to look them up
# must not use up the rate of the directory.
UNKNOWN_PER_SECOND: Final = 10.0
UNKNOWN_BURST: Final = 200.0
FORGED_PER_SECOND: Final = 5.0
FORGED_BURST: Final = 100.0


class ServiceAuth:
    """`audiences`: the DID of this service, bare and with the fragment of this service's kind."""

    def __init__(
        self, audiences: frozenset[str], resolver: IdentityResolver, clock: Callable[[], float]
    ) -> None:
        self._audiences = audiences
        self._resolver = resolver
        self._clock = clock
        self._unknown = TokenBucket.full(UNKNOWN_PER_SECOND, UNKNOWN_BURST, clock())
        self._forged = TokenBucket.full(FORGED_PER_SECOND, FORGED_BURST, clock())
        self._used: TLRUCache[tuple[Did, bytes], float] = TLRUCache(
            REPLAYS_REMEMBERED, ttu=_until_expiry, timer=clock
        )

    async def __call__(self, authorization: str, method: Method) -> Did:
        """Take the value of an Authorization header. Raises XrpcError."""
        scheme, _, text = authorization[: MAX_TOKEN_CHARS + 16].partition(" ")
        if scheme.lower() != "bearer":
            raise unauthorized("AuthenticationRequired", "only Bearer tokens are accepted")
        token = parse_token(text.strip(), self._clock())
        if token.audience not in self._audiences:
            raise unauthorized("BadJwtAudience", "the token is for another service")
        if token.method != method.nsid:
            raise unauthorized("BadJwtLexiconMethod", f"the token is not for {method.nsid}")
        await self._check_signature(token)
        if method.kind == "procedure":
            self._use_up(token)
        return token.issuer

    async def _check_signature(self, token: ServiceToken) -> None:
        did = token.issuer
        if self._resolver.cached(did) is None and not self._unknown.take(self._clock()):
            raise not_enough_resources()
        try:
            identity = await self._resolver.resolve(did)
        except IdentityError as error:
            raise unauthorized("BadJwtIssuer", f"{did} cannot be resolved") from error
        if _is_signed_by(token, identity):
            return
        if not self._forged.take(self._clock()):
            raise not_enough_resources()
        try:
            fresh = await self._resolver.resolve(did, force=True)
        except IdentityError as error:
            raise unauthorized("BadJwtSignature", f"not signed by {did}") from error
        if not _is_signed_by(token, fresh):
            raise unauthorized("BadJwtSignature", f"not signed by {did}")

    def _use_up(self, token: ServiceToken) -> None:
        key = (token.issuer, token.replay_key)
        if key in self._used:
            raise unauthorized("JwtReplayed", "the token was used before")
        self._used[key] = token.expires_at


def _is_signed_by(token: ServiceToken, identity: Identity) -> bool:
    key = identity.key
    if key is None or key.curve != token.curve:
        return False
    # JWT libraries make high-S signatures: https://atproto.com/specs/cryptography
    return key.verify(token.signature, token.signed, low_s=False)


def _until_expiry(_key: tuple[Did, bytes], expires_at: float, _now: float) -> float:
    return expires_at
