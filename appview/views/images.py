"""Pictures as URLs that work in a browser, in three sizes."""

from appview.rules import Trust
from lexicons.types import Image

_CDN = "https://cdn.bsky.app/img"
_CDN_PREFIX = "https://cdn.bsky.app/"


def avatar(did: str, cid: str | None, url: str | None) -> Image | None:
    """The Bluesky profile's picture, else the plyr profile's where it is on the same CDN."""
    if cid is not None:
        small = f"{_CDN}/avatar_thumbnail/plain/{did}/{cid}@jpeg"  # 128 px
        return {"thumb": small, "medium": small, "full": f"{_CDN}/avatar/plain/{did}/{cid}@jpeg"}
    if url is not None and url.startswith(_CDN_PREFIX):
        small = url.replace("/img/avatar/", "/img/avatar_thumbnail/")
        return {"thumb": small, "medium": small, "full": url}
    return None


def artwork(url: str | None, trust: Trust) -> Image | None:
    if url is None or not trust.covers(url):
        return None
    return {"thumb": url, "medium": url, "full": url}
