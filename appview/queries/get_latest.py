"""fm.plyr.feed.getLatest: every track, newest first."""

from typing import cast

from appview.context import AppContext
from appview.pagination import EARLIEST, LATEST, page_of, time_key
from appview.parameters import moment
from appview.views.track import feed
from lexicons.types import GetLatestOutput, GetLatestParams
from xrpc.server import XrpcRequest

# The inner limit is for the planner: knowing only the outer one when the query runs, it would
# sort the table.
SQL = """
select *
from (
    select *
    from shown_track
    where (sort_at, uri) < ($1, $2)
    and sort_at >= $3
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
) as page
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
    page, cursor = page_of(rows, limit)
    output: GetLatestOutput = {"feed": feed(page, context.trust)}
    if cursor is not None:
        output["cursor"] = cursor
    return output
