"""Records as their authors signed them, why one is not shown, and how much points at one."""

from collections.abc import Iterable, Mapping
from typing import Any

from appview.hydrate.uris import did_uri
from appview.row import Row
from lexicons.data_model import decode, to_json
from lexicons.syntax import AtUri, InvalidSyntax, parse_at_uri
from migrations.runner import Connection
from xrpc.errors import XrpcError

_VALUES = """
select asked.uri, record.value
from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as asked (uri, did, collection, rkey)
join record using (did, collection, rkey)
where record.value is not null
"""

# Gone comes before hidden: what was deleted will not come back when its account does.
_STANDING = """
select
    asked.uri,
    coalesce(subject_count.likes, 0) as likes,
    coalesce(subject_count.comments, 0) as comments,
    case
        when record.state = 'deleted' then 'deleted'
        when exists (
            select from local.takedown where takedown.subject in (asked.uri, asked.did)
        ) then 'taken-down'
        when not account.active then 'account-inactive'
        when record.state = 'invalid' then 'invalid'
    end as reason
from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as asked (uri, did, collection, rkey)
left join record using (did, collection, rkey)
left join account using (did)
left join subject_count on subject_count.subject = asked.uri
"""


async def load_values(connection: Connection, uris: Iterable[str]) -> dict[str, Any]:
    """Verbatim, as JSON, by URI."""
    columns = _columns(uris)
    if not columns[0]:
        return {}
    rows = await connection.fetch(_VALUES, *columns)
    return {row["uri"]: to_json(decode(row["value"])) for row in rows}


async def load_reasons(connection: Connection, uris: Iterable[str]) -> Mapping[str, str]:
    """Why a record that is not shown is not, by URI; without one it was never seen."""
    columns = _columns(uris)
    if not columns[0]:
        return {}
    rows = await connection.fetch(_STANDING, *columns)
    return {row["uri"]: row["reason"] for row in rows if row["reason"] is not None}


async def load_subject(connection: Connection, uri: str) -> Row:
    """The record that a query is about, by its URI: how much points at it, unless it is hidden.

    One that was never seen is not: what points at it may come first.
    """
    row = await connection.fetchrow(_STANDING, *_columns([await did_uri(connection, uri)]))
    assert row is not None
    if row["reason"] is not None:
        raise XrpcError(
            400, "RecordNotFound", f"uri: {row['uri']} is not shown here: {row['reason']}"
        )
    return row


def _columns(uris: Iterable[str]) -> tuple[list[str], list[str], list[str], list[str]]:
    parsed: list[tuple[str, AtUri]] = []
    for uri in uris:
        try:
            parsed.append((uri, parse_at_uri(uri)))
        except InvalidSyntax:
            # Of an account rather than a record: a list's items come from strangers.
            continue
    return (
        [uri for uri, _ in parsed],
        [part.authority for _, part in parsed],
        [part.collection for _, part in parsed],
        [part.rkey for _, part in parsed],
    )
