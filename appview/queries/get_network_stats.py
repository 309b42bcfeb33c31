"""fm.plyr.stats.getNetworkStats: the network in figures."""

from appview.context import AppContext
from lexicons.types import GetNetworkStatsOutput
from xrpc.server import XrpcRequest

SQL = "select * from derived.network"


async def get_network_stats(context: AppContext, _: XrpcRequest) -> GetNetworkStatsOutput:
    row = await context.pool.fetchrow(SQL)
    figures = {} if row is None else dict(row)
    return {
        "tracks": figures.get("tracks", 0),
        "artists": figures.get("artists", 0),
        "listeners": figures.get("listeners", 0),
        "likes": figures.get("likes", 0),
        "comments": figures.get("comments", 0),
        "lists": figures.get("lists", 0),
        "totalDurationMs": figures.get("total_duration_ms", 0),
    }
