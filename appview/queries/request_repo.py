"""fm.plyr.sync.requestRepo: asks the indexer to look at a repo again, whoever asks."""

from typing import cast

from appview.context import AppContext
from lexicons.syntax import Tid
from lexicons.types import RequestRepoInput, RequestRepoOutput
from migrations.runner import Connection
from xrpc.caller_rates import caller
from xrpc.errors import rate_limited
from xrpc.server import XrpcRequest

MOST_OPEN = 1_000
FULL_RETRY_SECONDS = 60

# What an operator asked for stays asked for in full until it is done.
REQUEST = """
insert into repo_request (did, in_full)
select $1, false
where (
    select count(*)
    from (
        select from repo_request where taken_at is null and not in_full limit $2
    ) as open
) < $2
on conflict (did) do update
set
    requested_at = now(),
    taken_at = null,
    outcome = null,
    in_full = repo_request.in_full and coalesce(repo_request.outcome, 'walk') = 'walk'
where repo_request.requested_at <= now() - interval '1 minute'
"""

SECONDS_LEFT = """
select ceil(extract(epoch from requested_at + interval '1 minute' - now()))::integer
from repo_request
where did = $1
"""

STATE = "select state, rev from repo where did = $1"


async def request_repo(context: AppContext, request: XrpcRequest) -> RequestRepoOutput:
    asked = cast(RequestRepoInput, request.input)
    seconds = context.repo_requests.take(caller(request.viewer, request.address))
    if seconds:
        raise rate_limited(seconds)
    async with context.pool.acquire() as connection:
        await _request(connection, asked["did"])
        repo = await connection.fetchrow(STATE, asked["did"])
    if repo is None:
        return {"state": "not-indexed"}
    view: RequestRepoOutput = {"state": repo["state"]}
    if repo["rev"] is not None:
        view["rev"] = Tid(repo["rev"])
    return view


async def _request(connection: Connection, did: str) -> None:
    status = await connection.execute(REQUEST, did, MOST_OPEN)
    if status != "INSERT 0 0":
        return
    left = await connection.fetchval(SECONDS_LEFT, did)
    if left is None:
        raise rate_limited(FULL_RETRY_SECONDS, "too many repositories wait to be looked at")
    raise rate_limited(max(left, 1), f"{did} was asked for within the last minute")
