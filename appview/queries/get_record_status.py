"""fm.plyr.sync.getRecordStatus: why a record or an account is shown, or is not."""

from typing import cast

from appview.context import AppContext, snapshot
from appview.hydrate.uris import did_uri
from appview.row import Row
from lexicons.syntax import parse_at_uri
from lexicons.types import GetRecordStatusOutput, GetRecordStatusParams
from migrations.runner import Connection
from xrpc.errors import invalid_request
from xrpc.server import XrpcRequest

RECORD = """
select
    record.state,
    record.reason,
    record.detail,
    record.cid,
    record.rev,
    record.proven_at,
    record.seen_at,
    coalesce(account.active, true) as active,
    account.upstream_status,
    exists (
        select from local.takedown where takedown.subject in ($1, $2)
    ) as taken_down
from record
left join account on account.did = record.did
where record.did = $2
and record.collection = $3
and record.rkey = $4
"""

ACCOUNT = """
select
    'valid' as state,
    null as reason,
    null as detail,
    null as cid,
    repo.rev,
    repo.synced_at as proven_at,
    account.first_seen_at as seen_at,
    account.active,
    account.upstream_status,
    exists (select from local.takedown where takedown.subject = $1) as taken_down
from account
left join repo on repo.did = account.did
where account.did = $1
"""


async def get_record_status(context: AppContext, request: XrpcRequest) -> GetRecordStatusOutput:
    params = cast(GetRecordStatusParams, request.params)
    if ("uri" in params) == ("did" in params):
        raise invalid_request("uri, did: exactly one of them is needed")
    async with snapshot(context.pool) as connection:
        row = (
            await _record(connection, params["uri"])
            if "uri" in params
            else await connection.fetchrow(ACCOUNT, params["did"])
        )
    if row is None:
        return {"state": "not-indexed"}
    return _status(row)


async def _record(connection: Connection, asked: str) -> Row | None:
    uri = await did_uri(connection, asked)
    parts = parse_at_uri(uri)
    if not parts.rkey:
        raise invalid_request(f"uri: {asked} names no record")
    return await connection.fetchrow(RECORD, uri, parts.authority, parts.collection, parts.rkey)


def _status(row: Row) -> GetRecordStatusOutput:
    state, reason = _verdict(row)
    view: GetRecordStatusOutput = {"state": state, "seenAt": row["seen_at"]}
    if reason is not None:
        view["reason"] = reason
    if row["cid"] is not None:
        view["cid"] = row["cid"]
    if row["rev"] is not None:
        view["rev"] = row["rev"]
    if row["proven_at"] is not None:
        view["provenAt"] = row["proven_at"]
    return view


def _verdict(row: Row) -> tuple[str, str | None]:
    if row["state"] == "deleted":
        return "deleted", None
    if row["state"] == "invalid":
        return "invalid", ": ".join(part for part in (row["reason"], row["detail"]) if part)
    if row["taken_down"]:
        return "hidden", "taken-down"
    if not row["active"]:
        return "hidden", f"account-inactive: {row['upstream_status']}"
    return "shown", None
