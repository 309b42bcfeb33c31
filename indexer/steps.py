"""What one event does to the database, and how its parts beside the records are written.

Several steps of one batch may name the same repo or account: the last word counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from indexer.columns import columns
from indexer.events import RecordChange
from indexer.records.prepare import storable_text
from indexer.repo_state import RepoState
from indexer.takedowns import follow_accounts
from lexicons.syntax import Did, InvalidSyntax, parse_datetime
from migrations.runner import Connection

STATUS_MAX_CHARACTERS = 100
REASON_MAX_CHARACTERS = 500
LAST_SEQ = 2**63 - 1


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """What upstream says; a local takedown is not its to give or take."""

    did: Did
    upstream_status: str
    active: bool


@dataclass(frozen=True, slots=True)
class QueuedFrame:
    did: Did
    seq: int
    rev: str
    frame: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Cursor:
    """`time` is what the event at `seq` claims for itself."""

    host: str
    seq: int
    time: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """What one event does, all or nothing; whoever it names has an account from then on.

    `dequeue_through`: the repo's frames up to that seq leave its queue.
    `status_due`, `identity_due`: to be asked now; `status_known`: answered.
    `walk_now`: the walk that is due waits for no back-off.
    `doubted`: whether its host is to be asked what a refused frame hid.
    `forget`: the repo and its queue go, its records stay.
    """

    did: Did
    changes: tuple[RecordChange, ...] = ()
    repo: RepoState | None = None
    account: AccountStatus | None = None
    enqueue: QueuedFrame | None = None
    dequeue_through: int | None = None
    status_due: Did | None = None
    status_known: Did | None = None
    identity_due: Did | None = None
    walk_now: bool = False
    doubted: bool | None = None
    forget: Did | None = None


async def write_accounts(connection: Connection, steps: Sequence[Step], now: datetime) -> None:
    newcomers = await connection.fetch(
        """
        insert into account (did, identity_due_at, first_seen_at)
        select did, $2::timestamptz, $2::timestamptz
        from unnest($1::text[]) as met (did)
        on conflict (did) do nothing
        returning did
        """,
        sorted({step.did for step in steps}),
        now,
    )
    if newcomers:
        await follow_accounts(connection, [row["did"] for row in newcomers])
    words = _last_words(steps)
    if not words:
        return
    # Locked in order: whoever else holds one of these rows waits for no other of them meanwhile.
    await connection.execute(
        """
        with locked as materialized (
            select did
            from account
            where did = any($1::text[])
            order by did
            for update
        )
        update account
        set
            upstream_status = coalesce(said.upstream_status, account.upstream_status),
            upstream_active = coalesce(said.active, account.upstream_active),
            purged_at = case when said.upstream_status is null then account.purged_at end,
            status_due_at = case
                when said.status_due then $6::timestamptz
                when not said.status_due then null
                else account.status_due_at
            end,
            status_failures = case
                when said.status_due is not null then 0
                else account.status_failures
            end,
            identity_due_at = case
                when said.identity_due then $6::timestamptz
                else account.identity_due_at
            end,
            identity_failures = case
                when said.identity_due then 0
                else account.identity_failures
            end
        from unnest($1::text[], $2::text[], $3::boolean[], $4::boolean[], $5::boolean[])
            as said (did, upstream_status, active, status_due, identity_due)
        join locked on locked.did = said.did
        where account.did = said.did
        """,
        *columns(words),
        now,
    )


def _last_words(
    steps: Iterable[Step],
) -> list[tuple[str, str | None, bool | None, bool | None, bool]]:
    """By DID in order: status, active, whether the status is to be asked, and the identity."""
    statuses: dict[str, AccountStatus] = {}
    status_due: dict[str, bool] = {}
    identity_due: set[str] = set()
    for step in steps:
        if step.account is not None:
            statuses[step.account.did] = step.account
        if step.status_due is not None:
            status_due[step.status_due] = True
        if step.status_known is not None:
            status_due[step.status_known] = False
        if step.identity_due is not None:
            identity_due.add(step.identity_due)
    words = []
    for did in sorted({*statuses, *status_due, *identity_due}):
        status, active = None, None
        if did in statuses:
            status = storable_text(statuses[did].upstream_status, STATUS_MAX_CHARACTERS)
            active = statuses[did].active
        words.append((did, status, active, status_due.get(did), did in identity_due))
    return words


async def write_repos(connection: Connection, steps: Sequence[Step], now: datetime) -> None:
    repos: dict[str, RepoState | None] = {}
    for step in steps:
        if step.repo is not None:
            repos[step.repo.did] = step.repo
        if step.forget is not None:
            repos[step.forget] = None
    forgotten = sorted(did for did, repo in repos.items() if repo is None)
    if forgotten:
        await connection.execute("delete from repo where did = any($1::text[])", forgotten)
    rows = [
        (
            did,
            repo.state,
            repo.rev,
            repo.data,
            " ".join(sorted(repo.walked)),
            repo.reason and storable_text(repo.reason, REASON_MAX_CHARACTERS),
        )
        for did, repo in sorted(repos.items())
        if repo is not None
    ]
    if rows:
        await _upsert_repos(connection, rows, now)
    hurried = sorted({step.did for step in steps if step.walk_now})
    if hurried:
        await connection.execute(
            """
            update repo set due_at = $2, attempts = 0
            where did = any($1::text[]) and state = 'desynchronized'
            """,
            hurried,
            now,
        )
    doubted = {step.did: step.doubted for step in steps if step.doubted is not None}
    if doubted:
        await connection.execute(
            """
            update repo
            set doubted_at = case when said.doubted then $3::timestamptz end
            from unnest($1::text[], $2::boolean[]) as said (did, doubted)
            where repo.did = said.did
            """,
            *columns(sorted(doubted.items())),
            now,
        )


async def _upsert_repos(
    connection: Connection, rows: Sequence[tuple[object, ...]], now: datetime
) -> None:
    await connection.execute(
        """
        insert into repo as held (did, state, rev, data, walked, reason, due_at, synced_at)
        select
            did, state, rev, data, string_to_array(walked, ' '), reason, $7::timestamptz,
            case when state = 'synchronized' then $7::timestamptz end
        from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[])
            as new (did, state, rev, data, walked, reason)
        on conflict (did) do update
        set
            state = excluded.state,
            rev = excluded.rev,
            data = excluded.data,
            walked = excluded.walked,
            reason = excluded.reason,
            attempts = case when excluded.state = 'synchronized' then 0 else held.attempts end,
            due_at = case
                when held.state = excluded.state then held.due_at
                else excluded.due_at
            end,
            synced_at = case
                when held.state = excluded.state then held.synced_at
                else coalesce(excluded.synced_at, held.synced_at)
            end
        """,
        *columns(rows),
        now,
    )


async def write_queue(connection: Connection, steps: Sequence[Step], now: datetime) -> None:
    frames: dict[tuple[str, int], QueuedFrame] = {}
    drained: dict[str, int] = {}
    for step in steps:
        if step.enqueue is not None:
            frames[step.enqueue.did, step.enqueue.seq] = step.enqueue
        through = LAST_SEQ if step.forget is not None else step.dequeue_through
        if through is not None:
            did = step.forget or step.did
            drained[did] = max(through, drained.get(did, 0))
            for key in [key for key in frames if key[0] == did and key[1] <= through]:
                del frames[key]
    if drained:
        await connection.execute(
            """
            delete from repo_queue
            using unnest($1::text[], $2::bigint[]) as drained (did, seq)
            where repo_queue.did = drained.did
              and repo_queue.seq <= drained.seq
            """,
            *columns(sorted(drained.items())),
        )
    if frames:
        rows = [
            (
                did,
                seq,
                frame.rev,
                frame.frame,
                storable_text(frame.reason, REASON_MAX_CHARACTERS),
                now,
            )
            for (did, seq), frame in sorted(frames.items())
        ]
        await connection.execute(
            """
            insert into repo_queue (did, seq, rev, frame, reason, queued_at)
            select *
            from unnest(
                $1::text[], $2::bigint[], $3::text[], $4::bytea[], $5::text[], $6::timestamptz[]
            )
            on conflict (did, seq) do nothing
            """,
            *columns(rows),
        )


async def write_cursor(connection: Connection, cursor: Cursor, now: datetime) -> None:
    await connection.execute(
        """
        insert into relay_cursor (host, seq, event_at, received_at, updated_at)
        values ($1, $2, $3, $4, $5)
        on conflict (host) do update
        set
            seq = excluded.seq,
            event_at = excluded.event_at,
            received_at = excluded.received_at,
            updated_at = excluded.updated_at
        """,
        cursor.host,
        cursor.seq,
        _moment(cursor.time),
        cursor.received_at,
        now,
    )


def _moment(time: str) -> datetime | None:
    try:
        return parse_datetime(time)
    except InvalidSyntax:
        return None
