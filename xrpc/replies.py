"""An answer on its way out: bytes, headers, and the forms that a client may prefer."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from starlette.types import Send

from xrpc.caching import has_already, tag_of
from xrpc.errors import XrpcError

RawHeaders: TypeAlias = list[tuple[bytes, bytes]]

COMPRESSED_FROM_BYTES: Final = 4_096
GZIP_LEVEL: Final = 1
EXPOSED: Final = (
    b"atproto-repo-rev, atproto-content-labelers, ratelimit-limit, ratelimit-remaining, "
    b"ratelimit-reset, ratelimit-policy, retry-after, etag, content-range, accept-ranges, "
    b"content-length"
)
CORS: Final[RawHeaders] = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED),
]
_JSON: Final = (b"content-type", b"application/json")
# A stored anonymous answer must not serve a viewer, nor the other way round.
_VARY: Final = (b"vary", b"accept-encoding, authorization, atproto-accept-labelers")
_PUBLIC: Final = (b"cache-control", b"public, max-age=1")
_NO_STORE: Final = (b"cache-control", b"private, no-store")


@dataclass(slots=True)
class Page:
    """What may be sent more than once, so its tag and its gzip form are made once."""

    body: bytes
    media_type: str = "application/json"
    _etag: bytes = b""
    _zipped: bytes = field(default=b"", repr=False)

    @property
    def etag(self) -> bytes:
        """Weak: one for the plain and the compressed form."""
        if not self._etag:
            self._etag = b"W/" + tag_of(self.body).encode()
        return self._etag

    @property
    def zipped(self) -> bytes:
        if not self._zipped:
            self._zipped = gzip.compress(self.body, GZIP_LEVEL, mtime=0)
        return self._zipped


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: RawHeaders
    body: bytes

    async def send(self, send: Send, added: RawHeaders, *, with_body: bool) -> None:
        headers = [*self.headers, *CORS, *added]
        if self.status not in {204, 304}:
            headers.append((b"content-length", str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body if with_body else b""})


def page_reply(page: Page, asked: Mapping[bytes, bytes]) -> Reply:
    """For anybody: may be cached, and is not sent again to who has it."""
    headers = [_type(page), _VARY, _PUBLIC, (b"etag", page.etag)]
    if has_already(asked.get(b"if-none-match", b"").decode("latin-1"), page.etag.decode()):
        return Reply(304, headers[1:], b"")
    return _encoded(page, headers, asked)


def viewer_reply(page: Page, asked: Mapping[bytes, bytes], added: RawHeaders) -> Reply:
    """For one viewer only."""
    return _encoded(page, [_type(page), _VARY, _NO_STORE, *added], asked)


def error_reply(error: XrpcError) -> Reply:
    added = [(name.encode(), value.encode("latin-1")) for name, value in error.headers.items()]
    return Reply(error.status, [_JSON, _NO_STORE, *added], error.envelope)


def preflight_reply(asked: Mapping[bytes, bytes]) -> Reply:
    headers = [
        (b"access-control-allow-methods", b"GET, HEAD, POST"),
        (b"access-control-max-age", b"86400"),
        (b"vary", b"access-control-request-headers"),
    ]
    wanted = asked.get(b"access-control-request-headers")
    if wanted:
        headers.append((b"access-control-allow-headers", wanted))
    return Reply(204, headers, b"")


def _type(page: Page) -> tuple[bytes, bytes]:
    return b"content-type", page.media_type.encode()


def _encoded(page: Page, headers: RawHeaders, asked: Mapping[bytes, bytes]) -> Reply:
    if len(page.body) >= COMPRESSED_FROM_BYTES and _takes_gzip(asked.get(b"accept-encoding")):
        return Reply(200, [*headers, (b"content-encoding", b"gzip")], page.zipped)
    return Reply(200, headers, page.body)


def _takes_gzip(accepted: bytes | None) -> bool:
    weights: dict[bytes, bytes] = {}
    for part in (accepted or b"").lower().split(b","):
        coding, _, weight = part.partition(b";")
        weights[coding.strip()] = weight.replace(b" ", b"").strip().rstrip(b"0.")
    return weights.get(b"gzip", weights.get(b"*", b"q=")) != b"q="
