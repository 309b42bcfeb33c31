"""The log of events, read in pages: from any number on, in one statement and so of one moment."""

from dataclasses import dataclass

import asyncpg

from appview.events.event import Event, Wants
from migrations.runner import Connection

CHANNEL = "plyr_event"
"""Postgres knocks there when there is something new to read."""

FIELDS = (
    *("collection", "rkey", "action", "rev", "live", "cid", "reason"),
    *("active", "status"),
    "handle",
)
"""Of records, of accounts, of identities."""

PAGE_EVENTS = 500
PAGE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Page:
    """`reached`: up to it all that was wanted is here. `trimmed`: up to it nothing is kept."""

    events: tuple[Event, ...]
    reached: int
    trimmed: int
    last: int


async def read_page(
    connection: Connection,
    after: int,
    wants: Wants,
    limit: int = PAGE_EVENTS,
    size: int = PAGE_BYTES,
) -> Page:
    rows = await connection.fetch(
        READ,
        after,
        limit,
        None if wants.dids is None else list(wants.dids),
        None if wants.collections is None else list(wants.collections),
        size,
    )
    head = rows[0]
    events = tuple(_event(row) for row in rows if row["seq"] is not None)
    if len(events) < head["wanted"]:
        reached = events[-1].seq
    elif head["looked_at"] == limit:
        reached = head["looked_to"]
    else:
        reached = max(after, head["last_seq"])
    return Page(events, reached, head["trimmed_seq"], head["last_seq"])


def _event(row: asyncpg.Record) -> Event:
    fields = {name: row[name] for name in FIELDS}
    return Event(row["seq"], row["at"], row["kind"], row["did"], fields, row["value"])


# The record itself comes from `record`: what was deleted or hidden meanwhile is told to nobody.
READ = """
with looked as materialized (
    select *
    from stream.event
    where seq > $1
    order by seq
    limit $2
), wanted as (
    select looked.*, case when account.active then record.value end as value
    from looked
    left join account on account.did = looked.did
    left join record
        on record.did = looked.did
        and record.collection = looked.collection
        and record.rkey = looked.rkey
        and record.cid = looked.cid
        and record.counted
    where ($3::text[] is null or looked.did = any($3))
      and ($4::text[] is null or looked.kind <> 'record' or looked.collection = any($4))
), page as (
    select
        *,
        sum(coalesce(octet_length(value), 0)) over (
            order by seq rows between unbounded preceding and 1 preceding
        ) as bytes_before
    from wanted
), total as (
    select
        (select trimmed_seq from stream.state) as trimmed_seq,
        (select last_seq from stream.state) as last_seq,
        (select count(*) from looked) as looked_at,
        (select max(seq) from looked) as looked_to,
        (select count(*) from wanted) as wanted
)
select total.*, page.*
from total
left join page on coalesce(bytes_before, 0) < $5
order by seq
"""
