"""Everything the database knows about one account or record."""

from collections.abc import Sequence
from dataclasses import dataclass

from appview.row import Row
from lexicons.syntax import Did
from migrations.runner import Connection

LINKS_AT_MOST = 200

ACCOUNT = "select * from account where did = $1"

REPO = "select * from repo where did = $1"

QUEUE = """
select reason, count(*) as frames, min(queued_at) as since
from repo_queue
where did = $1
group by reason
order by reason
"""

REQUEST = "select * from repo_request where did = $1"

# An account, its blobs (did/cid) and its records.
TAKEDOWNS = """
select subject, labeler, reason, created_at
from local.takedown
where subject = $1
or subject > $1 || '/' and subject < $1 || '0'
or subject > 'at://' || $1 || '/' and subject < 'at://' || $1 || '0'
order by subject, labeler
"""

HOLDINGS = """
select collection, state, count(*) as records
from record
where did = $1
group by collection, state
order by collection, state
"""

QUARANTINED = """
select collection, rkey, reason, detail
from record
where did = $1
and state = 'invalid'
order by proven_at desc
limit 5
"""

UPSTREAM = """
select
    (select count(*) from relay_gap where closed_at is null) as gaps,
    (select count(*) from upstream where connected) as connected,
    (select array_agg(collection) from discovery where finished_at is null) as undiscovered
"""

RECORD = """
select *
from record
where did = $1
and collection = $2
and rkey = $3
"""

ELSEWHERE = """
select collection
from record
where did = $1
and collection <> $2
and rkey = $3
and state <> 'deleted'
"""

TRACK = """
select
    gate_type,
    audio_cid,
    audio_url,
    status as url_status,
    checked_at as url_checked_at,
    coalesce(missing.asks > 1, false) as audio_missing,
    missing.asked_at as audio_asked_at
from track
left join media.source_check using (uri)
left join media.missing_blob as missing
    on missing.did = track.did
    and missing.cid = track.audio_cid
where track.uri = $1
"""

# What it points at: is that there, is it shown, and which like of the same account counts?
LINKS = """
select
    link.subject,
    link.kind,
    link.counted,
    subject_record.state,
    coalesce(subject_account.active, true) as active,
    exists (select from local.takedown where takedown.subject = link.subject) as taken_down,
    (
        select earlier.uri
        from link as earlier
        where earlier.subject = link.subject
        and earlier.kind = 'like'
        and earlier.did = link.did
        order by earlier.uri
        limit 1
    ) as first_like
from link
left join record as subject_record
    on subject_record.did = split_part(link.subject, '/', 3)
    and subject_record.collection = split_part(link.subject, '/', 4)
    and subject_record.rkey = split_part(link.subject, '/', 5)
left join account as subject_account on subject_account.did = split_part(link.subject, '/', 3)
where link.uri = $1
order by link.subject
limit $2
"""

# What points at it: how much counts, and why the rest does not.
COUNTS = """
select
    subject_link.kind,
    count(*) filter (where subject_link.counted) as counted,
    count(*) filter (where not subject_link.counted and not account.active) as inactive,
    count(*) filter (where not subject_link.counted and account.active) as doubles
from subject_link
join account using (did)
where subject_link.subject = $1
group by subject_link.kind
order by subject_link.kind
"""


@dataclass(frozen=True, slots=True)
class StoredAccount:
    account: Row | None
    repo: Row | None
    queue: Sequence[Row]
    request: Row | None
    takedowns: Sequence[Row]
    holdings: Sequence[Row]
    quarantined: Sequence[Row]
    upstream: Row


@dataclass(frozen=True, slots=True)
class StoredRecord:
    record: Row | None
    elsewhere: Sequence[str]
    track: Row | None
    links: Sequence[Row]
    counts: Sequence[Row]


async def load_account(connection: Connection, did: Did) -> StoredAccount:
    upstream = await connection.fetchrow(UPSTREAM)
    assert upstream is not None
    return StoredAccount(
        account=await connection.fetchrow(ACCOUNT, did),
        repo=await connection.fetchrow(REPO, did),
        queue=await connection.fetch(QUEUE, did),
        request=await connection.fetchrow(REQUEST, did),
        takedowns=await connection.fetch(TAKEDOWNS, did),
        holdings=await connection.fetch(HOLDINGS, did),
        quarantined=await connection.fetch(QUARANTINED, did),
        upstream=upstream,
    )


async def load_record(connection: Connection, did: Did, collection: str, rkey: str) -> StoredRecord:
    uri = f"at://{did}/{collection}/{rkey}"
    elsewhere = await connection.fetch(ELSEWHERE, did, collection, rkey)
    return StoredRecord(
        record=await connection.fetchrow(RECORD, did, collection, rkey),
        elsewhere=[row["collection"] for row in elsewhere],
        track=await connection.fetchrow(TRACK, uri),
        links=await connection.fetch(LINKS, uri, LINKS_AT_MOST),
        counts=await connection.fetch(COUNTS, uri),
    )
