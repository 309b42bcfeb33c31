"""com.atproto.label.queryLabels: what labelers say, with their signatures."""

from typing import cast

from appview.context import AppContext
from appview.pagination import label_cursor, label_place, page_of
from appview.views.labels import signed_label_view
from lexicons.types import QueryLabelsOutput, QueryLabelsParams
from xrpc.errors import invalid_request
from xrpc.server import XrpcRequest

MAX_PATTERNS = 100

# Patterns may overlap.
SQL = """
select distinct held.*
from unnest($1::text[], $2::text[]) as span (low, high)
cross join lateral (
    select uri, src, val, cid, cts, exp, sig
    from labels.label
    where uri >= span.low
    and uri < span.high
    and (uri, src, val, cid) > ($3, $4, $5, $6)
    and ($7::text[] is null or src = any ($7))
    and not neg
    and (expires_at is null or expires_at > now())
    order by uri, src, val, cid
    limit 251
) as held
order by uri, src, val, cid
limit $8
"""


async def query_labels(context: AppContext, request: XrpcRequest) -> QueryLabelsOutput:
    params = cast(QueryLabelsParams, request.params)
    patterns, limit = params["uriPatterns"], params["limit"]
    if len(patterns) > MAX_PATTERNS:
        raise invalid_request(f"uriPatterns: at most {MAX_PATTERNS}")
    low, high = zip(*map(_span, patterns), strict=True)
    place = label_place(params.get("cursor"))
    rows = await context.pool.fetch(SQL, low, high, *place, params.get("sources"), limit + 1)
    page, cursor = page_of(rows, limit, label_cursor)
    output: QueryLabelsOutput = {"labels": [signed_label_view(row) for row in page]}
    if cursor is not None:
        output["cursor"] = cursor
    return output


def _span(pattern: str) -> tuple[str, str]:
    """Text compares as bytes: what begins with a prefix lies between it and its last successor."""
    prefix, star, rest = pattern.partition("*")
    if rest:
        raise invalid_request(f"uriPatterns: a * may only stand at the end of {pattern[:100]!r}")
    return prefix, prefix + ("\U0010ffff" if star else "\x01")
