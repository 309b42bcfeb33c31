"""Errors as XRPC says them: a status, a name that clients switch on, and a message for people.

A handler raises a name that its lexicon declares, or one of the names here.
https://atproto.com/specs/xrpc#error-responses
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeAlias

import orjson
import structlog

log = structlog.get_logger(__name__)

STANDARD_NAMES: Final = frozenset(
    {
        "InvalidRequest",
        "AuthenticationRequired",
        "AuthMissing",
        "Forbidden",
        "NotAcceptable",
        "PayloadTooLarge",
        "UnsupportedMediaType",
        "RateLimitExceeded",
        "InternalServerError",
        "MethodNotImplemented",
        "UpstreamFailure",
        "NotEnoughResources",
        "UpstreamTimeout",
        "BadJwt",
        "BadJwtType",
        "BadJwtAudience",
        "BadJwtLexiconMethod",
        "BadJwtIssuer",
        "BadJwtSignature",
        "JwtExpired",
        "JwtReplayed",
    }
)
UPSTREAM_UNAVAILABLE: Final = "UpstreamUnavailable"
"""The one name of the lexicons whose status is not 400 but 502: somebody else has it."""


class XrpcError(Exception):
    def __init__(
        self, status: int, name: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{name}: {message}")
        self.status = status
        self.name = name
        self.message = message
        self.headers = dict(headers or {})

    @property
    def envelope(self) -> bytes:
        return orjson.dumps({"error": self.name, "message": self.message})


Translate: TypeAlias = Callable[[Exception], XrpcError | None]


def told_error(
    error: Exception, translate: Translate, route: str, declared: Collection[str] | None
) -> XrpcError:
    """What a client may hear of it; the rest stands in the log. `declared`: None for any name."""
    known = error if isinstance(error, XrpcError) else translate(error)
    if known is None:
        log.error("request failed", route=route, exc_info=error)
        return internal_error()
    if declared is not None and known.name not in {*STANDARD_NAMES, *declared}:
        log.error("error that the lexicon does not declare", route=route, error=known.name)
        return internal_error()
    if known is not error:
        log.warning("request not served", route=route, status=known.status, error=repr(error))
    return known


def invalid_request(message: str) -> XrpcError:
    return XrpcError(400, "InvalidRequest", message)


def unauthorized(name: str, message: str) -> XrpcError:
    return XrpcError(401, name, message, {"www-authenticate": "Bearer"})


def payload_too_large(most_bytes: int) -> XrpcError:
    return XrpcError(413, "PayloadTooLarge", f"the body is over {most_bytes} bytes")


def unsupported_media_type(message: str) -> XrpcError:
    return XrpcError(415, "UnsupportedMediaType", message)


def rate_limited(
    retry_after_seconds: int,
    message: str = "too many requests",
    headers: Mapping[str, str] | None = None,
) -> XrpcError:
    added = {"retry-after": str(retry_after_seconds), **(headers or {})}
    return XrpcError(429, "RateLimitExceeded", message, added)


def internal_error() -> XrpcError:
    """Says nothing of what went wrong: that stands in the log."""
    return XrpcError(500, "InternalServerError", "Internal Server Error")


def method_not_implemented() -> XrpcError:
    return XrpcError(501, "MethodNotImplemented", "Method Not Implemented")


def not_enough_resources(message: str = "try again later") -> XrpcError:
    return XrpcError(503, "NotEnoughResources", message)
