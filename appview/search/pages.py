"""A page of results: the first of a new ranking, or a further one of the cursor's."""

from collections.abc import Awaitable, Callable, Sequence

from appview.search.cursor import DEPTH, checksum, decode, encode
from appview.search.documents import Hit, by_id
from appview.search.query import Query
from migrations.runner import Connection
from xrpc.server import XrpcRequest

Rank = Callable[[Connection], Awaitable[Sequence[Hit]]]


async def ranked_page(
    connection: Connection, query: Query, request: XrpcRequest, rank: Rank, now: float
) -> tuple[Sequence[Hit], str | None]:
    question = checksum(request.nsid, request.params)
    limit, cursor = request.params["limit"], request.params.get("cursor")
    if cursor is not None:
        ids, made_at = decode(cursor, now, question)
        hits: Sequence[Hit] = await by_id(connection, query, ids[:limit])
        rest = ids[limit:]
    else:
        ranking = (await rank(connection))[:DEPTH]
        hits, rest, made_at = ranking[:limit], [hit.id for hit in ranking[limit:]], int(now)
    return hits, encode(rest, made_at, question) if rest else None
