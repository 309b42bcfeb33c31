"""fm.plyr.feed.getLatest: every track, newest first."""

from typing import cast

from appview.context import AppContext
from appview.pagination import EARLIEST, LATEST, page_of, time_cursor, time_key
from appview.parameters import moment
from appview.views.track import feed
from lexicons.types import GetLatestOutput, GetLatestParams
from xrpc.server import XrpcRequest

# A hidden account may have any number of the newest, and anybody make some that cannot be played:
# a page looks at 250, and the next goes on there. To count them in the index beforehand costs
# less than to ask of each row whether it is shown. The inner limit is for the planner: knowing
# only the outer one when the query runs, it would sort the table.
SQL = """
select *
from (values (true)) as always
left join (
    select sort_at as end_at, uri as end_uri
    from track
    where (sort_at, uri) < ($1, $2)
    and sort_at >= $3
    order by sort_at desc, uri desc
    offset 249
    limit 1
) as looked_at on true
left join lateral (
    select *
    from shown_track
    where (sort_at, uri) < ($1, $2)
    and (sort_at, uri) >= (coalesce(end_at, $3), coalesce(end_uri, ''))
    and (
        not $4::boolean
        or gate_type is null
        and not audio_taken_down
        and (
            audio_cid is not null
            and not audio_missing
            or url_status = 'ok'
            and exists (select from unnest($5::text[]) as host where starts_with(audio_url, host))
        )
    )
    order by sort_at desc, uri desc
    limit 101
) as page on true
limit $6
"""


async def get_latest(context: AppContext, request: XrpcRequest) -> GetLatestOutput:
    params = cast(GetLatestParams, request.params)
    since = moment("since", params.get("since"), EARLIEST)
    until = moment("until", params.get("until"), LATEST)
    start = min(time_key(params.get("cursor"), LATEST), (until, ""))
    limit = params["limit"]
    rows = await context.pool.fetch(
        SQL, *start, since, params["playable"], context.trust.prefixes, limit + 1
    )
    page, cursor = page_of([row for row in rows if row["uri"] is not None], limit)
    if cursor is None and rows[0]["end_uri"] is not None:
        cursor = time_cursor(rows[0], at="end_at", uri="end_uri")
    output: GetLatestOutput = {"feed": feed(page, context.trust)}
    if cursor is not None:
        output["cursor"] = cursor
    return output
