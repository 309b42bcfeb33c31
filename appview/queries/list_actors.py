"""fm.plyr.actor.listActors: the accounts with something on plyr."""

from collections.abc import Sequence
from functools import partial
from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.accounts import load_profiles
from appview.hydrate.rankings import load_chart
from appview.pagination import LATEST, Order, page_of, time_cursor, time_key
from appview.row import Row
from appview.views.actor import profile_view
from lexicons.types import ListActorsOutput, ListActorsParams
from migrations.runner import Connection
from xrpc.server import XrpcRequest

# Those of whom nothing is left but what others know of them are not listed.
NEWEST = """
select *
from (
    select
        shown_account.*,
        coalesce(account_count.tracks, 0) as tracks,
        coalesce(account_count.lists, 0) as lists,
        coalesce(account_count.likes_given, 0) as likes_given,
        coalesce(account_count.likes_received, 0) as likes_received
    from shown_account
    left join account_count using (did)
    where (shown_account.first_seen_at, shown_account.did) < ($1, $2)
    and (
        shown_account.profile_indexed_at is not null
        or account_count.tracks > 0
        or account_count.lists > 0
        or account_count.likes_given > 0
    )
    order by shown_account.first_seen_at desc, shown_account.did desc
    limit 101
) as page
limit $3
"""


async def list_actors(context: AppContext, request: XrpcRequest) -> ListActorsOutput:
    params = cast(ListActorsParams, request.params)
    async with snapshot(context.pool) as connection:
        if params["sort"] == "newest":
            rows, cursor = await _newest(connection, params)
        else:
            rows, cursor = await _ranked(connection, params)
    output: ListActorsOutput = {"actors": [profile_view(row, context.trust.origin) for row in rows]}
    if cursor is not None:
        output["cursor"] = cursor
    return output


async def _newest(
    connection: Connection, params: ListActorsParams
) -> tuple[Sequence[Row], str | None]:
    start = time_key(params.get("cursor"), LATEST, Order.ACCOUNT)
    limit = params["limit"]
    rows = await connection.fetch(NEWEST, *start, limit + 1)
    cursor = partial(time_cursor, order=Order.ACCOUNT, at="first_seen_at", uri="did")
    return page_of(rows, limit, cursor)


async def _ranked(
    connection: Connection, params: ListActorsParams
) -> tuple[Sequence[Row], str | None]:
    chart = f"actors {params['sort']}"
    ranked = await load_chart(connection, chart, params.get("cursor"), params["limit"])
    if ranked is None:
        return [], None
    rows = await load_profiles(connection, ranked.subjects)
    return [rows[did] for did in ranked.subjects if did in rows], ranked.cursor
