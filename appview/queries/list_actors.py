"""fm.plyr.actor.listActors: the accounts with something on plyr."""

from collections.abc import Sequence
from functools import partial
from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.accounts import load_profiles
from appview.hydrate.rankings import load_chart
from appview.pagination import LATEST, Order, looked_page, time_cursor, time_key
from appview.row import Row
from appview.views.actor import profile_view
from lexicons.types import ListActorsOutput, ListActorsParams
from migrations.runner import Connection
from xrpc.server import XrpcRequest

# Those of whom nothing is left but what others know of them are not listed. There may be any
# number of them: a page looks at so many accounts, the next goes on there.
NEWEST = """
select *
from (
    select
        first_seen_at as key_at,
        did as key_did,
        row_number() over (order by first_seen_at desc, did desc) = 2000 as is_last
    from account
    where active
    and (first_seen_at, did) < ($1, $2)
    order by first_seen_at desc, did desc
    limit 2000
) as looked_at
left join lateral (
    select
        true as is_shown,
        shown_account.*,
        coalesce(account_count.tracks, 0) as tracks,
        coalesce(account_count.lists, 0) as lists,
        coalesce(account_count.likes_given, 0) as likes_given,
        coalesce(account_count.likes_received, 0) as likes_received
    from shown_account
    left join account_count using (did)
    where shown_account.did = looked_at.key_did
    and (
        shown_account.profile_indexed_at is not null
        or account_count.tracks > 0
        or account_count.lists > 0
        or account_count.likes_given > 0
    )
    limit 1
) as page on true
where is_shown or is_last
order by key_at desc, key_did desc
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
    cursor = partial(time_cursor, order=Order.ACCOUNT, at="key_at", uri="key_did")
    return looked_page(rows, limit, cursor)


async def _ranked(
    connection: Connection, params: ListActorsParams
) -> tuple[Sequence[Row], str | None]:
    chart = f"actors {params['sort']}"
    ranked = await load_chart(connection, chart, params.get("cursor"), params["limit"])
    if ranked is None:
        return [], None
    rows = await load_profiles(connection, ranked.subjects)
    return [rows[did] for did in ranked.subjects if did in rows], ranked.cursor
