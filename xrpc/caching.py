"""Whether a client, or a cache before us, has an answer already.

https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match
"""

import hashlib
from typing import Final

# What is hidden is hidden at once: a cache has to ask whether its copy may still be shown.
ASKED_FOR_EACH_TIME: Final = "public, no-cache"


def tag_of(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def has_already(if_none_match: str, etag: str) -> bool:
    """Weakly or strongly: 304. Without that header: empty."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag.removeprefix("W/") in tags or "*" in tags
