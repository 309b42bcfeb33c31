"""fm.plyr.sync.getStatus: how near this index is to the network."""

import shutil
from datetime import UTC, datetime, timedelta

from appview.context import AppContext, AppSettings, snapshot
from appview.row import Row
from lexicons.types import Backfill, Disk, FollowedLabeler, Gap, GetStatusOutput, Upstream
from xrpc.server import XrpcRequest

UPSTREAMS = """
select *
from upstream
order by heard_at desc
limit 10
"""

LABELERS = """
select
    did,
    cursor,
    received_at,
    error,
    connected and exists (
        select from upstream where heard_at > now() - interval '6 minutes'
    ) as connected
from labels.labeler
order by did
"""

GAPS = """
select host, after_seq, reason, recorded_at, closed_at
from relay_gap
order by closed_at desc nulls first, id desc
limit 20
"""

REST = """
select
    not exists (select from discovery where finished_at is not null)
        or exists (select from discovery where finished_at is null) as is_discovering,
    (select count(*) from record where state = 'invalid') as quarantined
"""

_MINUTE_MS = 60_000


async def get_status(context: AppContext, _: XrpcRequest) -> GetStatusOutput:
    return await read_status(context)


async def read_status(context: AppContext) -> GetStatusOutput:
    """What the command line says, too."""
    async with snapshot(context.pool) as connection:
        upstreams = await connection.fetch(UPSTREAMS)
        repos = await context.census.repos(connection)
        labelers = await connection.fetch(LABELERS)
        gaps = await connection.fetch(GAPS)
        rest = await connection.fetchrow(REST)
    assert rest is not None
    now = datetime.now(UTC)
    return {
        "observedAt": now,
        "upstreams": [_upstream(row, now) for row in upstreams],
        "labelers": [_labeler(row) for row in labelers],
        "backfill": _backfill(repos, rest["is_discovering"]),
        "gaps": [_gap(row) for row in gaps],
        "repos": {
            "synchronized": repos["synchronized"],
            "desynchronized": repos["pending"],
            "parked": repos["parked"],
        },
        "quarantined": rest["quarantined"],
        "disk": _disk(context.settings),
        "version": context.settings.version,
    }


def _upstream(row: Row, now: datetime) -> Upstream:
    view: Upstream = {"host": row["host"], "connected": row["connected"]}
    if row["seq"] is not None:
        view["seq"] = row["seq"]
    if row["event_at"] is not None:
        # A relay whose clock is ahead of ours is not behind.
        view["lagMs"] = max(0, (now - row["event_at"]) // timedelta(milliseconds=1))
    if row["received_at"] is not None:
        view["lastEventAt"] = row["received_at"]
    if row["error"] is not None:
        view["error"] = row["error"]
    return view


def _labeler(row: Row) -> FollowedLabeler:
    view: FollowedLabeler = {
        "did": row["did"],
        "connected": row["connected"],
        "seq": row["cursor"],
    }
    if row["received_at"] is not None:
        view["lastEventAt"] = row["received_at"]
    if row["error"] is not None:
        view["error"] = row["error"]
    return view


def _gap(row: Row) -> Gap:
    view: Gap = {
        "host": row["host"],
        "reason": row["reason"],
        "recordedAt": row["recorded_at"],
    }
    if row["after_seq"] is not None:
        view["afterSeq"] = row["after_seq"]
    if row["closed_at"] is not None:
        view["closedAt"] = row["closed_at"]
    return view


def _backfill(repos: Row, is_discovering: bool) -> Backfill:
    pending, speed = repos["pending"], repos["in_last_minute"]
    view: Backfill = {
        "state": "discovering" if is_discovering else "fetching" if pending else "done",
        "done": repos["total"] - pending,
        "total": repos["total"],
    }
    if pending and speed:
        view["etaMs"] = pending * _MINUTE_MS // speed
    return view


def _disk(settings: AppSettings) -> Disk:
    folder = settings.data_dir.resolve()
    # With a database elsewhere nothing may have made the folder yet.
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return {
        "freeBytes": shutil.disk_usage(existing).free,
        "minFreeBytes": settings.min_free_bytes,
    }
