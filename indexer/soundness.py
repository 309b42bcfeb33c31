"""Whether the tables agree with each other about one account: what follows from what is stored.

Each record is validated anew from the block that its author signed, and its row and links are held
against that. Whether it is the record that the author has now only a walk can tell.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

from indexer import albums
from indexer.agreement import in_links, in_rows, in_the_ledger
from indexer.differences import Difference, Kind
from indexer.events import QuarantineReason, RecordChange
from indexer.records.prepare import Prepared, prepare
from indexer.records.record_type import RecordTypes, RecordUri
from indexer.walks import Place
from lexicons.catalog import Catalog
from lexicons.syntax import Did, Nsid, RecordKey
from migrations.runner import Connection

RECORDS_AT_ONCE = 1_000

RECORDS = """
select
    record.collection,
    record.rkey,
    record.cid,
    record.rev,
    record.state,
    record.counted,
    record.reason,
    record.value,
    record.seen_at,
    exists (
        select
        from local.takedown
        where takedown.subject
            = 'at://' || record.did || '/' || record.collection || '/' || record.rkey
    ) as taken_down
from record
where record.did = $1
  and record.collection = any($2::text[])
  and (record.collection, record.rkey) > ($3, $4)
order by record.collection, record.rkey
limit $5
"""

# A new kind of record has its lines here and in STRAY.
ROWS = """
select uri, to_jsonb(track) as row from track where did = $1 and uri = any($2::text[])
union all
select uri, to_jsonb("like") from "like" where did = $1 and uri = any($2::text[])
union all
select uri, to_jsonb(comment) from comment where did = $1 and uri = any($2::text[])
union all
select uri, to_jsonb(profile) from profile where did = $1 and uri = any($2::text[])
union all
select uri, to_jsonb(bsky_profile) from bsky_profile where did = $1 and uri = any($2::text[])
union all
select
    list.uri,
    to_jsonb(list) || jsonb_build_object(
        'items',
        (
            select coalesce(
                jsonb_agg(jsonb_build_array(subject, subject_cid) order by position), '[]'
            )
            from list_item
            where list_uri = list.uri
        )
    )
from list
where list.did = $1 and list.uri = any($2::text[])
"""

LINKS = """
select
    link.uri,
    link.subject,
    link.kind,
    link.counted,
    account.counted_active and (
        link.kind <> 'like' or not exists (
            select
            from link as earlier
            where earlier.subject = link.subject
              and earlier.kind = 'like'
              and earlier.did = link.did
              and earlier.uri < link.uri
        )
    ) as counts,
    account.recount_after is not null as is_followed
from link
join account on account.did = link.did
where link.did = $1
  and link.uri = any($2::text[])
"""

# What has a row or a link and is no record at all.
STRAY = """
with stray as (
    select uri, 'row' as kind, 'a row' as what from track where did = $1
    union all
    select uri, 'row', 'a row' from "like" where did = $1
    union all
    select uri, 'row', 'a row' from comment where did = $1
    union all
    select uri, 'row', 'a row' from list where did = $1
    union all
    select uri, 'row', 'a row' from profile where did = $1
    union all
    select uri, 'row', 'a row' from bsky_profile where did = $1
    union all
    select uri, 'link', 'a link to ' || subject from link where did = $1
)
select uri, kind, what
from stray
where not exists (
    select
    from record
    where record.did = $1
      and record.collection = split_part(stray.uri, '/', 4)
      and record.rkey = split_part(stray.uri, '/', 5)
)
"""

# Rows of which one part says that they are shown and another that they are not.
VIEWS = """
with
shown as (
    select uri from shown_track where did = $1
    union all
    select uri from shown_list where did = $1
),
presentable as (
    select uri, account.active
    from (
        select uri, did from track where did = $1
        union all
        select uri, did from list where did = $1
    ) as held
    join account using (did)
    where not exists (select from local.takedown where takedown.subject = held.uri)
)
select uri, shown.uri is not null as is_shown
from shown
full join (select uri from presentable where active) as presentable using (uri)
where shown.uri is null or presentable.uri is null
order by uri
"""

ACCOUNT = """
select
    account.taken_down,
    account.active <> account.counted_active or account.recount_after is not null as is_followed,
    exists (select from local.takedown where takedown.subject = account.did) as is_taken_down
from account
where account.did = $1
"""


@dataclass(frozen=True, slots=True)
class HeldRecord:
    cid: str | None
    rev: str


@dataclass(frozen=True, slots=True)
class Holdings:
    """What is stored of one account, and where that does not agree with itself."""

    records: Mapping[Place, HeldRecord]
    differences: Sequence[Difference]

    @property
    def unsound(self) -> set[Place]:
        """The records that the differences are about."""
        uris = (each.subject for each in self.differences if each.subject.startswith("at://"))
        parts = (uri.split("/") for uri in uris)
        return {(Nsid(collection), RecordKey(rkey)) for _, _, _, collection, rkey in parts}


async def inspect(
    connection: Connection, did: Did, record_types: RecordTypes, catalog: Catalog
) -> Holdings:
    """Read everything of one account; the caller's transaction makes it one moment."""
    records: dict[Place, HeldRecord] = {}
    differences: list[Difference] = []
    async for page in _pages(connection, did, sorted(record_types)):
        uris = [str(_uri(did, stored)) for stored in page]
        rows = await _rows(connection, did, uris)
        links = await _links(connection, did, uris)
        for uri, stored in zip(uris, page, strict=True):
            prepared = _prepared(did, stored, record_types, catalog)
            records[Nsid(stored["collection"]), RecordKey(stored["rkey"])] = HeldRecord(
                stored["cid"], stored["rev"]
            )
            found = [
                *in_the_ledger(prepared, stored),
                *in_rows(prepared, rows.get(uri)),
                *in_links(prepared, stored, links[uri]),
            ]
            differences += (Difference(did, kind, uri, *words) for kind, *words in found)
    for row in await connection.fetch(STRAY, did):
        kind, uri, what = Kind(row["kind"]), row["uri"], row["what"]
        differences.append(Difference(did, kind, uri, what, "no such record"))
    differences += await _in_account(connection, did)
    return Holdings(records, differences)


async def _pages(
    connection: Connection, did: Did, collections: Sequence[str]
) -> AsyncIterator[list[asyncpg.Record]]:
    after = ("", "")
    while True:
        page = await connection.fetch(RECORDS, did, collections, *after, RECORDS_AT_ONCE)
        if page:
            yield page
        if len(page) < RECORDS_AT_ONCE:
            return
        after = (page[-1]["collection"], page[-1]["rkey"])


async def _rows(connection: Connection, did: Did, uris: Sequence[str]) -> dict[str, dict[str, Any]]:
    rows = await connection.fetch(ROWS, did, uris)
    return {row["uri"]: orjson.loads(row["row"]) for row in rows}


async def _links(
    connection: Connection, did: Did, uris: Sequence[str]
) -> Mapping[str, list[asyncpg.Record]]:
    links: dict[str, list[asyncpg.Record]] = defaultdict(list)
    for link in await connection.fetch(LINKS, did, uris):
        links[link["uri"]].append(link)
    return links


def _uri(did: Did, stored: asyncpg.Record) -> RecordUri:
    return RecordUri(did, stored["collection"], stored["rkey"])


def _prepared(
    did: Did, stored: asyncpg.Record, record_types: RecordTypes, catalog: Catalog
) -> Prepared:
    """What the record is, judged anew; one that not even Postgres could hold stays refused."""
    place = Nsid(stored["collection"]), RecordKey(stored["rkey"])
    cid = stored["cid"] if stored["value"] is not None else None
    change = RecordChange(did, *place, stored["rev"], cid, stored["value"])
    prepared = prepare(change, record_types, catalog, stored["seen_at"])
    if stored["state"] == "invalid" and stored["reason"] == QuarantineReason.UNSTORABLE:
        return prepared.quarantined(QuarantineReason.UNSTORABLE, "")
    return prepared


async def _in_account(connection: Connection, did: Did) -> list[Difference]:
    account = await connection.fetchrow(ACCOUNT, did)
    if account is None:
        return []
    found = []
    held, right = account["taken_down"], account["is_taken_down"]
    if held != right:
        words = _taken_down(held), _taken_down(right)
        found.append(Difference(did, Kind.TAKEDOWN, did, *words))
    if account["is_followed"]:
        words = "counters behind its status", "counters in step"
        found.append(Difference(did, Kind.RECOUNT, did, *words))
    for row in await connection.fetch(VIEWS, did):
        words = ("shown", "hidden") if row["is_shown"] else ("hidden", "shown")
        found.append(Difference(did, Kind.VIEW, row["uri"], *words))
    missing, stray = await albums.differences(connection, did)
    found += [Difference(did, Kind.ALBUM, did, "nothing", title) for title in missing]
    found += [Difference(did, Kind.ALBUM, did, title, "nothing") for title in stray]
    return found


def _taken_down(taken_down: bool) -> str:
    return "taken down" if taken_down else "not taken down"
