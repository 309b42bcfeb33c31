"""Prints an account's tracks, and the comments on each at their moment of it.

pip install atproto
python examples/client.py http://127.0.0.1:8000 mara.demo.test      (of `make demo`)
"""

import sys
from collections.abc import Iterator
from typing import Any

from atproto import Client  # type: ignore[import-untyped]  # has no types
from atproto.exceptions import BadRequestError  # type: ignore[import-untyped]  # has no types
from atproto_client.models.dot_dict import DotDict  # type: ignore[import-untyped]  # has no types


def ask(client: Client, method: str, **params: object) -> dict[str, Any]:
    answer = client.invoke_query(f"fm.plyr.{method}", params=DotDict(params))
    return dict(answer.content)


def walk(client: Client, method: str, items: str, **params: object) -> Iterator[dict[str, Any]]:
    """All pages: whatever is asked, an answer without a cursor is the last."""
    while True:
        page = ask(client, method, **params)
        yield from page[items]
        if "cursor" not in page:
            return
        params["cursor"] = page["cursor"]


def main(service: str, actor: str) -> None:
    client = Client(base_url=service)  # nobody has to sign in
    try:
        profile = ask(client, "actor.getProfile", actor=actor)["profile"]
    except BadRequestError as error:
        sys.exit(error.response.content.message)
    print(f"{profile.get('displayName', profile['handle'])}: {profile['trackCount']} tracks")
    for item in walk(client, "feed.getActorTracks", "feed", actor=actor, limit=100):
        track = item["track"]
        print(f"  {track['title']} ({track['likeCount']} likes) {track['webUrl']}")
        for comment in walk(client, "feed.getComments", "comments", uri=track["uri"]):
            minutes, seconds = divmod(comment["timestampMs"] // 1000, 60)
            print(f"    {minutes}:{seconds:02} {comment['author']['handle']}: {comment['text']}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
