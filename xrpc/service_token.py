"""Service-auth tokens as text: what one says, before anybody believes it.

https://atproto.com/specs/xrpc#inter-service-authentication-jwt
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Any, Final

import orjson

from lexicons.syntax import Did, InvalidSyntax, parse_did
from xrpc.errors import unauthorized
from xrpc.keys import Curve

MAX_TOKEN_CHARS: Final = 8_192
LONGEST_LIFE_SECONDS: Final = 3_600
# How far the clock of another server may be ahead of ours.
LEEWAY_SECONDS: Final = 10
_CURVES: Final[dict[str, Curve]] = {"ES256": "p256", "ES256K": "k256"}


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """`signed` is what the signature is over, `replay_key` of what makes it the one it is."""

    issuer: Did
    audience: str
    method: str
    expires_at: float
    replay_key: bytes
    curve: Curve
    signed: bytes
    signature: bytes


def parse_token(text: str, now: float) -> ServiceToken:
    """Check everything that needs nobody else. Raises XrpcError."""
    parts = text.split(".")
    if len(parts) != 3 or len(text) > MAX_TOKEN_CHARS or not text.isascii():
        raise unauthorized("BadJwt", "the token has not the three parts of a JWT")
    header, claims = _object(parts[0]), _object(parts[1])
    signed = f"{parts[0]}.{parts[1]}".encode()
    curve = _check_header(header)
    expires_at = _check_times(claims, now)
    token_id = claims.get("jti")
    if not isinstance(token_id, str):
        token_id = parts[1]
    return ServiceToken(
        issuer=_issuer(claims),
        audience=_text(claims, "aud", "BadJwtAudience"),
        method=_text(claims, "lxm", "BadJwtLexiconMethod"),
        expires_at=expires_at,
        replay_key=hashlib.sha256(token_id.encode()).digest(),
        curve=curve,
        signed=signed,
        signature=_decode(parts[2]),
    )


def _check_header(header: dict[str, Any]) -> Curve:
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() != "jwt":
        raise unauthorized("BadJwtType", f"typ {kind!r:.50} is not of a service token")
    if "crit" in header:
        raise unauthorized("BadJwt", "the token asks for extensions")
    if header.get("kid", "#atproto") != "#atproto":
        raise unauthorized("BadJwt", "only tokens by the key #atproto are accepted")
    algorithm = header.get("alg")
    curve = _CURVES.get(algorithm) if isinstance(algorithm, str) else None
    if curve is None:
        raise unauthorized("BadJwt", f"alg {algorithm!r:.50} is neither ES256 nor ES256K")
    return curve


def _check_times(claims: dict[str, Any], now: float) -> float:
    expires_at = _number(claims, "exp")
    if expires_at is None:
        raise unauthorized("BadJwt", "the token does not expire")
    if expires_at <= now:
        raise unauthorized("JwtExpired", "the token has expired")
    if expires_at > now + LONGEST_LIFE_SECONDS + LEEWAY_SECONDS:
        raise unauthorized("BadJwt", f"the token lives longer than {LONGEST_LIFE_SECONDS} s")
    for name in ("iat", "nbf"):
        begins_at = _number(claims, name)
        if begins_at is not None and begins_at > now + LEEWAY_SECONDS:
            raise unauthorized("BadJwt", f"{name} of the token is in the future")
    return expires_at


def _issuer(claims: dict[str, Any]) -> Did:
    try:
        return parse_did(_text(claims, "iss", "BadJwtIssuer"))
    except InvalidSyntax as error:
        raise unauthorized("BadJwtIssuer", "iss of the token is not a bare DID") from error


def _text(claims: dict[str, Any], name: str, error: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str):
        raise unauthorized(error, f"{name} of the token is missing or not a string")
    return value


def _number(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise unauthorized("BadJwt", f"{name} of the token is not a number")
    return value


def _object(part: str) -> dict[str, Any]:
    try:
        value = orjson.loads(_decode(part))
    except orjson.JSONDecodeError as error:
        raise unauthorized("BadJwt", "a part of the token is not JSON") from error
    if not isinstance(value, dict):
        raise unauthorized("BadJwt", "a part of the token is not an object")
    return value


def _decode(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True)
    except binascii.Error as error:
        raise unauthorized("BadJwt", "a part of the token is not base64url") from error
