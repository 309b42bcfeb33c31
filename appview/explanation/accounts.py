"""Facts about an account: who it is, whether it is shown, how far its repo is read."""

from collections.abc import Iterator
from datetime import datetime

from appview.explanation.facts import Fact, at, note, number, reason, taken_down
from appview.explanation.stored import StoredAccount
from appview.row import Row
from lexicons.syntax import Did

RESYNC = "`plyr-appview resync` makes one due now"


def account_facts(did: Did, stored: StoredAccount, now: datetime) -> Iterator[Fact]:
    """In the order in which they decide."""
    if not did.startswith(("did:plc:", "did:web:")):
        yield reason("identity", f"{did} is neither a did:plc nor a did:web: it proves nobody")
    if stored.account is None:
        yield from _unknown(did, stored)
    else:
        yield from _identity(stored.account, now)
        yield from _status(stored.account, now)
        yield from _counters(stored.account)
    yield from _takedowns(did, stored)
    yield from _repo(stored, now)
    yield from _request(stored)
    yield from _upstream(stored.upstream)


def holdings_facts(stored: StoredAccount) -> Iterator[Fact]:
    """What there is of an account, for who asks about it as a whole."""
    for row in stored.holdings:
        yield Fact("records", f"{row['records']} {row['state']} {row['collection']}")
    for row in stored.quarantined:
        why = f"{row['collection']}/{row['rkey']}: {row['reason']}: {row['detail']}"
        yield note("quarantine", why)
    if stored.account is not None and not stored.holdings:
        yield note("records", "it has written none that is indexed here")


def _unknown(did: Did, stored: StoredAccount) -> Iterator[Fact]:
    yield reason("identity", f"{did} is not known here: no record of ours came from it")
    if stored.upstream["undiscovered"]:
        names = ", ".join(sorted(stored.upstream["undiscovered"]))
        yield note("identity", f"not everybody is discovered yet who holds {names}")
    else:
        yield note("identity", f"`plyr-appview resync {did}` looks for records of ours in its repo")


def _identity(account: Row, now: datetime) -> Iterator[Fact]:
    handle, asked = account["handle"], account["identity_at"]
    if asked is None:
        failures = number(account["identity_failures"], "failed attempt")
        due = _next(account["identity_due_at"], now)
        what = f"its DID document was not read yet ({failures}, next {due})"
        yield note("identity", f"{what}: no commit of it can be proven")
        return
    where = account["pds"] or "no host"
    yield Fact("identity", f"{account['did']} at {where}, read {at(asked)}")
    if account["signing_key"] is None:
        yield note("identity", "its DID document names no signing key: no commit can be proven")
    if handle is None:
        due = _next(account["identity_due_at"], now)
        yield note("handle", f"none is proven both ways, handle.invalid is shown; next look {due}")
    else:
        yield Fact("handle", f"{handle}, proven both ways")


def _status(account: Row, now: datetime) -> Iterator[Fact]:
    word = account["upstream_status"]
    if not account["upstream_active"]:
        yield reason("status", f"its host says that it is {word}")
    else:
        yield Fact("status", f"{word} at its host")
    if account["status_due_at"] is not None:
        failures = number(account["status_failures"], "failed attempt")
        due = _next(account["status_due_at"], now)
        yield note("status", f"its host is to be asked for it: {due} ({failures})")
    if account["purged_at"] is not None:
        yield note("status", f"what it wrote was erased {at(account['purged_at'])}")


def _counters(account: Row) -> Iterator[Fact]:
    if account["active"] != account["counted_active"] or account["recount_after"] is not None:
        yield note("counts", "counts are still following a change of its status")


def _takedowns(did: Did, stored: StoredAccount) -> Iterator[Fact]:
    for row in stored.takedowns:
        why = f": {row['reason']}" if row["reason"] else ""
        if row["subject"] == did:
            yield reason("takedown", taken_down(row))
        elif not row["subject"].startswith("at://"):
            yield note("takedown", f"a blob of it is taken down: {row['subject']}{why}")


def _repo(stored: StoredAccount, now: datetime) -> Iterator[Fact]:
    repo = stored.repo
    if repo is None:
        if stored.account is not None:
            yield note("repo", "its repo is not followed")
        return
    rev, why = repo["rev"] or "nothing", f" ({repo['reason']})" if repo["reason"] else ""
    match repo["state"]:
        case "synchronized":
            yield Fact("repo", f"complete up to {rev}{_since(repo['synced_at'])}")
        case "desynchronized":
            tries, due = number(repo["attempts"], "failed attempt"), _next(repo["due_at"], now)
            yield note("repo", f"a walk is due {due}{why}, {tries}; proven up to {rev}. {RESYNC}")
        case "resyncing":
            yield note("repo", f"it is being walked{why}; proven up to {rev}")
        case "waiting":
            due = _next(repo["due_at"], now)
            yield note("repo", f"its commits wait{why}; tried again {due}; proven up to {rev}")
        case state:
            yield note("repo", f"{state}{why}: no host serves it; proven up to {rev}")
    for row in stored.queue:
        frames = number(row["frames"], "commit")
        yield note("queue", f"{frames} since {at(row['since'])}: {row['reason']}")


def _request(stored: StoredAccount) -> Iterator[Fact]:
    request = stored.request
    if request is None:
        return
    asked = f"asked to be checked {at(request['requested_at'])}"
    if request["taken_at"] is None:
        yield note("request", f"{asked}, no indexer has turned to it yet")
    elif request["outcome"] not in {"walked", "walk"}:
        yield note("request", f"{asked}: {request['outcome'] or 'under way'}")


def _upstream(upstream: Row) -> Iterator[Fact]:
    if not upstream["connected"]:
        yield note("upstream", "no relay is connected: nothing new comes in")
    if upstream["gaps"]:
        gaps = number(upstream["gaps"], "gap")
        yield note("upstream", f"{gaps} in the stream not closed yet: something may be missing")


def _since(moment: datetime | None) -> str:
    return "" if moment is None else f", since {at(moment)}"


def _next(due: datetime | None, now: datetime) -> str:
    return "now" if due is None or due <= now else f"at {at(due)}"
