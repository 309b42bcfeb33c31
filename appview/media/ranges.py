"""Which bytes of a blob an HTTP request is for.

The ETag is the CID: strong, and known before a single byte has come.
https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_BYTES = re.compile(r"\s*bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*", re.IGNORECASE | re.ASCII)


class NotSatisfiable(ValueError):
    """The range begins behind the last byte: 416."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` up to, and without, `stop`."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def wanted_span(headers: Mapping[str, str], etag: str, size: int) -> Span | None:
    """None for the whole: no range, one that cannot be read, several, or another blob's."""
    asked = _BYTES.fullmatch(headers.get("range", ""))
    if asked is None or asked.group(1) == asked.group(2) == "":
        return None
    # A date never matches: there is none. Nor does a weak tag.
    if headers.get("if-range", etag).strip() != etag:
        return None
    first, last = asked.groups()
    if not first:
        return _suffix(int(last), size)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise NotSatisfiable(f"{size} bytes, and the range begins at {start}")
    return Span(start, min(int(last) + 1, size) if last else size)


def _suffix(length: int, size: int) -> Span:
    if length == 0 or size == 0:
        raise NotSatisfiable("a suffix of nothing")
    return Span(max(size - length, 0), size)
