"""fm.plyr.library.getListsContaining: the lists that a track is on, newest first."""

from functools import partial
from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.actors import shown_actor
from appview.hydrate.lists import load_summaries
from appview.hydrate.records import load_subject
from appview.pagination import LATEST, looked_page, page_of, time_cursor, time_key
from appview.views.list import list_view
from lexicons.types import GetListsContainingOutput, GetListsContainingParams
from xrpc.server import XrpcRequest

# Of the places that a list has the track in, the first. Which type a list is of stands in the
# index: where a type is rare among many lists, the others are passed over without a look at them.
# Anybody can put it on as many as he wants to: a page looks at so many, the next goes on there. The
# innermost order is said again, or all of them would be grouped by hash.
OF_ALL = """
select *
from (
    select key_at, key_uri, min(position) as position, bool_or(is_last) as is_last
    from (
        select
            sort_at as key_at,
            list_uri as key_uri,
            position,
            row_number() over (order by sort_at desc, list_uri desc, position) = 2000 as is_last
        from list_item
        where subject = $1
        and (sort_at, list_uri) < ($2, $3)
        and ($4::text is null or last_list_type = $4)
        order by sort_at desc, list_uri desc, position
        limit 2000
    ) as item
    group by key_at, key_uri
    order by key_at desc, key_uri desc
) as looked_at
left join lateral (
    select true as is_shown, shown_list.*
    from shown_list
    where shown_list.uri = looked_at.key_uri
    limit 1
) as page on true
where is_shown or is_last
order by key_at desc, key_uri desc
limit $5
"""

# One account's lists with the track are few among everybody's: its links to it lead there.
OF_ONE = """
select
    shown_list.*,
    (
        select min(list_item.position)
        from list_item
        where list_item.subject = $1
        and list_item.sort_at = shown_list.sort_at
        and list_item.list_uri = shown_list.uri
    ) as position
from link
join shown_list on shown_list.uri = link.uri
where link.subject = $1
and link.kind = 'list'
and link.did = $6
and (shown_list.sort_at, shown_list.uri) < ($2, $3)
and ($4::text is null or shown_list.list_type = $4)
order by shown_list.sort_at desc, shown_list.uri desc
limit $5
"""


async def get_lists_containing(
    context: AppContext, request: XrpcRequest
) -> GetListsContainingOutput:
    params = cast(GetListsContainingParams, request.params)
    start = time_key(params.get("cursor"), LATEST)
    limit = params["limit"]
    async with snapshot(context.pool) as connection:
        subject = await load_subject(connection, params["uri"])
        asked = (subject["uri"], *start, params.get("listType"), limit + 1)
        if "actor" in params:
            actor = await shown_actor(connection, params["actor"])
            page, cursor = page_of(await connection.fetch(OF_ONE, *asked, actor), limit)
        else:
            rows = await connection.fetch(OF_ALL, *asked)
            page, cursor = looked_page(
                rows, limit, partial(time_cursor, at="key_at", uri="key_uri")
            )
        summaries = await load_summaries(connection, [row["uri"] for row in page], context.trust)
    output: GetListsContainingOutput = {
        "lists": [
            {
                "list": list_view(row, summaries.get(row["uri"]), context.trust),
                "position": row["position"],
            }
            for row in page
        ]
    }
    if cursor is not None:
        output["cursor"] = cursor
    return output
