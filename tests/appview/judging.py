"""Puts the judged catalogue into a database, asks what people would ask, and judges the answers."""

from typing import Any

from indexer.search.follow import Search
from tests.appview.conftest import Client
from tests.appview.judged import (
    ACTORS,
    LISTS,
    QUERIES_JUDGED,
    TRACKS,
    Judged,
    lines,
    reciprocal_rank,
)
from tests.appview.makers import Rows, did


async def judge(rows: Rows, client: Client) -> tuple[dict[Judged, float], dict[str, list[str]]]:
    """The reciprocal rank of each query; what came first where it was not what was wanted."""
    keys = await fill(rows)
    answers = {judged: await found(client, judged, keys) for judged in QUERIES_JUDGED}
    ranks = {judged: reciprocal_rank(judged.wanted, answer) for judged, answer in answers.items()}
    missed = {str(judged): answers[judged][:4] for judged, rank in ranks.items() if rank < 1}
    return ranks, missed


async def fill(rows: Rows) -> dict[str, str]:
    """The keys of the catalogue by URI or DID."""
    keys: dict[str, str] = {}
    for key, name, handle, points in lines(ACTORS):
        await rows.account(key, handle=handle)
        await rows.bsky_profile(key, display_name=name)
        await rows.insert("account_count", did=did(key), likes_received=int(points))
        keys[did(key)] = key
    await rows.account("label")
    for key, title, artist, album, tags, likes in lines(TRACKS):
        uri = await rows.track(
            "label", title=title, artist=artist, album=album, tags=tags.split(", ")
        )
        await rows.insert("subject_count", subject=uri, likes=int(likes))
        keys[uri] = key
    for key, name, author, list_type, likes in lines(LISTS):
        uri = await rows.list(author, name=name, list_type=list_type)
        await rows.insert("subject_count", subject=uri, likes=int(likes))
        keys[uri] = key
    await Search(rows.pool).follow()
    return keys


async def found(client: Client, judged: Judged, keys: dict[str, str]) -> list[str]:
    answer = await client.ask(f"search.{judged.method}", q=judged.q)
    # Of a typeahead each kind is a list of its own: the best place in any of them counts.
    columns = [[keys.get(name_of(item), "") for item in items] for items in answer.values()]
    columns.sort(key=lambda column: -reciprocal_rank(judged.wanted, column))
    return columns[0]


def name_of(item: dict[str, Any]) -> str:
    view = item.get("track", item)
    return str(view.get("uri") or view.get("did") or view["title"])
