"""Facts about a record: whether it came, whether it is valid, what it counts for."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from urllib.parse import urlsplit

from appview.explanation.facts import Fact, at, note, number, reason, taken_down
from appview.explanation.stored import StoredAccount, StoredRecord
from appview.row import Row
from appview.rules import Trust, playability

REASONS = "docs/reasons.md explains the words"


def collection_facts(collection: str, namespace: str, known: Collection[str]) -> Iterator[Fact]:
    """Whether records of that collection are read at all."""
    if collection in known:
        if not collection.startswith(f"{namespace}."):
            yield note("collection", f"{collection} is read for the profiles of accounts only")
        return
    ending = next((name for name in known if _is_same_kind(collection, name, namespace)), None)
    if ending is not None:
        yield reason("collection", f"{collection} is not of the namespace {namespace}, read here")
        return
    yield reason("collection", f"{collection} is not read here")
    if close := get_close_matches(collection, sorted(known), n=1):
        yield note("collection", f"did you mean {close[0]}?")


def _is_same_kind(collection: str, name: str, namespace: str) -> bool:
    """Of the same authority, as fm.plyr.dev.track is to fm.plyr.track."""
    is_neighbour = collection.split(".")[:2] == namespace.split(".")[:2]
    kind = name.removeprefix(namespace)
    return is_neighbour and name.startswith(f"{namespace}.") and collection.endswith(kind)


def record_facts(
    uri: str, stored: StoredRecord, account: StoredAccount, trust: Trust
) -> Iterator[Fact]:
    record = stored.record
    if record is None:
        yield from _never_seen(stored, account)
        return
    yield from _state(record)
    for row in account.takedowns:
        if row["subject"] == uri:
            yield reason("takedown", taken_down(row))
    if stored.track is not None:
        yield from _sound(stored.track, trust)
    is_active = account.account is None or account.account["active"]
    for link in stored.links:
        yield from _link(uri, link, is_active=is_active)
    yield from _counts(stored)


def _never_seen(stored: StoredRecord, account: StoredAccount) -> Iterator[Fact]:
    repo = account.repo
    if repo is not None and repo["state"] == "synchronized":
        yield reason("record", f"its repo, complete up to {repo['rev']}, holds no such record")
    else:
        yield reason("record", "no such record came in so far")
    for collection in stored.elsewhere:
        yield note("record", f"the same key stands in {collection}")


def _state(record: Row) -> Iterator[Fact]:
    touched = f"by the commit {record['rev']}, proven {at(record['proven_at'])}"
    match record["state"]:
        case "valid":
            yield Fact("record", f"valid, written {touched}; first seen {at(record['seen_at'])}")
            yield Fact("record", f"its CID is {record['cid']}")
        case "invalid":
            why = f"{record['reason']}: {record['detail']}"
            yield reason("record", f"quarantined: {why}")
            yield note("record", f"written {touched}, CID {record['cid']}; {REASONS}")
        case _ if record["reason"] is not None:
            yield reason("record", f"erased here ({record['reason']}), last touched {touched}")
        case _:
            yield reason("record", f"deleted {touched}")


def _sound(track: Row, trust: Trust) -> Iterator[Fact]:
    word = playability(
        track["gate_type"],
        None if track["audio_missing"] else track["audio_cid"],
        track["audio_url"],
        trust,
        url_status=track["url_status"],
    )
    if track["audio_missing"]:
        yield note("sound", f"its PDS does not have the blob, asked {at(track['audio_asked_at'])}")
    if word == "gated":
        yield note("sound", f"gated ({track['gate_type']}): it is shown, and not played here")
    elif word == "pending":
        yield note("sound", f"{track['audio_url']} was not asked for yet: it may not be there")
    elif word == "unavailable" and trust.covers(track["audio_url"]):
        yield note("sound", f"{track['audio_url']} is dead, asked {at(track['url_checked_at'])}")
    elif word == "unavailable" and not track["audio_missing"]:
        host = urlsplit(track["audio_url"] or "").hostname or "nowhere"
        yield note(
            "sound", f"its sound lies at {host}, which PLYR_TRUSTED_MEDIA_HOSTS does not name"
        )


def _link(uri: str, link: Row, *, is_active: bool) -> Iterator[Fact]:
    subject = link["subject"]
    if link["counted"]:
        yield Fact("counts", f"it counts for {subject}")
    elif not is_active:
        yield note("counts", f"it does not count for {subject}: its account is not active")
    elif link["first_like"] not in {None, uri}:
        yield note("counts", f"it does not count for {subject}: {link['first_like']} does already")
    else:
        yield note("counts", f"it does not count for {subject} yet")
    if link["taken_down"]:
        yield note("subject", f"{subject} is taken down here")
    elif not link["active"]:
        yield note("subject", f"the account of {subject} is not active")
    elif link["state"] != "valid":
        yield note("subject", f"{subject} is {link['state'] or 'not indexed'}")


def _counts(stored: StoredRecord) -> Iterator[Fact]:
    for row in stored.counts:
        kind = row["kind"]
        yield Fact("counts", f"{number(row['counted'], kind)} of it")
        if row["inactive"]:
            yield note("counts", f"{number(row['inactive'], kind)} of hidden accounts do not count")
        if row["doubles"]:
            yield note("counts", f"{number(row['doubles'], kind)} beside another of its account")
