"""fm.plyr.feed.listTags: the tags in use, those of most tracks first."""

from typing import cast

from appview.context import AppContext
from lexicons.tags import beginning_of_tag
from lexicons.types import ListTagsOutput, ListTagsParams
from xrpc.server import XrpcRequest

MOST = """
select tag, tracks
from derived.tag_count
order by tracks desc, tag
limit $1
"""

# Tags compare as bytes, and no text has a byte above F4: a prefix is a range.
BEGINNING = """
select tag, tracks
from derived.tag_count
where tag >= $2
and tag < $2 || U&'\\+10FFFF'
order by tracks desc, tag
limit $1
"""


async def list_tags(context: AppContext, request: XrpcRequest) -> ListTagsOutput:
    params = cast(ListTagsParams, request.params)
    prefix = beginning_of_tag(params.get("q", ""))
    if prefix:
        rows = await context.pool.fetch(BEGINNING, params["limit"], prefix)
    else:
        rows = await context.pool.fetch(MOST, params["limit"])
    return {"tags": [{"tag": row["tag"], "count": row["tracks"]} for row in rows]}
