"""URLs that strangers name: which may be asked, and where a redirect may lead, or Unreachable."""

from collections.abc import Mapping
from typing import Final

import httpx

from xrpc.unreachable import Trouble, Unreachable

Params = Mapping[str, str | int | list[str]]

MAX_CHARS: Final = 8_192
SCHEMES: Final = frozenset({"http", "https"})


def parse_url(url: str, params: Params | None) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
        if params:
            parsed = parsed.copy_merge_params(params)
        return _checked(parsed)
    except (httpx.InvalidURL, ValueError) as error:  # ValueError: looks like IDNA and is none
        raise Unreachable(Trouble.REFUSED_URL, f"{url[:200]!r}: {error}") from error


def _checked(url: httpx.URL) -> httpx.URL:
    if url.scheme not in SCHEMES:
        raise Unreachable(Trouble.REFUSED_URL, f"{url.scheme[:32]!r} is not http or https")
    if not url.host or url.userinfo or len(str(url)) > MAX_CHARS:
        raise Unreachable(Trouble.REFUSED_URL, f"{str(url)[:200]!r}: no host, a user or too long")
    if url.port == 0:
        raise Unreachable(Trouble.REFUSED_URL, f"{url.host}: port 0")
    return url.copy_with(fragment=None) if url.fragment else url


def redirected(url: httpx.URL, location: str) -> httpx.URL:
    try:
        following = _checked(url.join(location))
    except (httpx.InvalidURL, ValueError) as error:
        raise Unreachable(Trouble.REDIRECT, f"{url.host}: to {location[:200]!r}") from error
    if url.scheme == "https" and following.scheme != "https":
        raise Unreachable(Trouble.REDIRECT, f"{url.host}: from https to {following.scheme[:32]!r}")
    return following


def endpoint_of(url: httpx.URL) -> tuple[str, int]:
    secure = url.scheme in {"https", "wss"}
    return url.raw_host.decode("ascii"), url.port or (443 if secure else 80)
