"""Everything the program shows, held against the oracle: a list of sentences, empty when right.

XRPC is asked wherever it can tell; the tables only for what is not meant to be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tests.network.oracle import (
    LIST,
    PROFILE,
    TRACK,
    Counts,
    Record,
    Truth,
    is_ours,
    items,
    truth,
)
from tests.network.program import Program
from tests.network.world import Person

Json = dict[str, Any]


async def differences(program: Program, people: Iterable[Person]) -> list[str]:
    people = list(people)
    expected = truth(program.world)
    found: list[str] = []
    for person in people:
        if not any(is_ours(path) for path in person.ever):
            continue
        if person.active:
            found += await _shown(program, expected, person)
            found += await _stored(program, expected, person)
        else:
            found += await _hidden(program, expected, person)
    return found


async def _shown(program: Program, expected: Truth, person: Person) -> list[str]:
    found = list(_profile(expected, person, await _get_profile(program, person)))
    tracks = await program.query("feed.getActorTracks", actor=person.did, limit=100)
    lists = await program.query("library.getActorLists", actor=person.did, limit=100)
    if tracks.status != 200 or lists.status != 200:
        return [*found, f"{person.handle}: {tracks.body} {lists.body}"]
    shown = [item["track"] for item in tracks.body["feed"]]
    wanted = expected.shown_of(person.did, TRACK)
    found += _same_records(person, wanted, shown)
    for record in wanted:
        found += await _track(program, expected, record)
    wanted = expected.shown_of(person.did, LIST)
    found += _same_records(person, wanted, lists.body["lists"])
    for record in wanted:
        found += await _list(program, expected, record)
    return found


async def _get_profile(program: Program, person: Person) -> Json:
    answer = await program.query("actor.getProfile", actor=person.did)
    return answer.body.get("profile", answer.body)  # type: ignore[no-any-return] # JSON


def _profile(expected: Truth, person: Person, shown: Json) -> Iterator[str]:
    records = expected.shown_of(person.did, PROFILE)
    wanted = {
        "did": person.did,
        "handle": expected.handles[person.did],
        "bio": records[0].value.get("bio") if records else None,
        "trackCount": len(expected.shown_of(person.did, TRACK)),
        "listCount": len(expected.shown_of(person.did, LIST)),
    }
    for name, value in wanted.items():
        if shown.get(name) != value:
            yield f"profile of {person.handle}: {name} is {shown.get(name)!r}, not {value!r}"


def _same_records(person: Person, wanted: list[Record], shown: list[Json]) -> Iterator[str]:
    right = {record.uri: record.cid for record in wanted}
    seen = {view["uri"]: view["cid"] for view in shown}
    if len(seen) != len(shown):
        yield f"{person.handle}: something is listed twice"
    for uri in right.keys() | seen.keys():
        if right.get(uri) != seen.get(uri):
            yield f"{uri}: shown as {seen.get(uri)}, in the repository it is {right.get(uri)}"


async def _track(program: Program, expected: Truth, record: Record) -> list[str]:
    answers = [
        await program.query(method, uri=record.uri) for method in ("feed.getTrack", "feed.getLikes")
    ]
    if refused := [answer.body for answer in answers if answer.status != 200]:
        return [f"{record.uri}: {refused}"]
    view = answers[0].body["track"]
    counts = Counts(view["likeCount"], view["commentCount"], view["inListsCount"])
    found = []
    if view["cid"] != record.cid or view["title"] != record.value["title"]:
        found.append(f"{record.uri}: {view['cid']} {view['title']!r} is not {record.value}")
    if counts != expected.counts(record.uri):
        found.append(f"{record.uri}: {counts}, not {expected.counts(record.uri)}")
    likes = await program.pages("feed.getLikes", "likes", uri=record.uri, limit=100)
    comments = await program.pages("feed.getComments", "comments", uri=record.uri, limit=100)
    likers = [one["actor"]["did"] for one in likes]
    if sorted(likers) != sorted(expected.likers(record.uri)):
        found.append(f"{record.uri}: likers {sorted(likers)}, not {expected.likers(record.uri)}")
    uris = [one["uri"] for one in comments]
    if sorted(uris) != sorted(expected.comments(record.uri)):
        found.append(f"{record.uri}: comments {uris}, not {expected.comments(record.uri)}")
    return found


async def _list(program: Program, expected: Truth, record: Record) -> list[str]:
    answer = await program.query("library.getList", uri=record.uri, limit=100)
    if answer.status != 200:
        return [f"{record.uri}: {answer.body}"]
    found = []
    view, shown = answer.body["list"], answer.body["items"]
    subjects = [item["subject"]["uri"] for item in shown]
    if subjects != items(record) or view["itemCount"] != len(items(record)):
        found.append(f"{record.uri}: items {subjects}, not {items(record)}")
    tracks = {one.uri for one in expected.shown if one.collection == TRACK}
    for item in shown:
        is_track = "title" in item["item"]
        if is_track != (item["subject"]["uri"] in tracks):
            found.append(f"{record.uri}: wrongly shown or missing: {item}")
    if view["cid"] != record.cid or view["likeCount"] != len(expected.likers(record.uri)):
        found.append(f"{record.uri}: {view['cid']} with {view['likeCount']} likes")
    return found


async def _hidden(program: Program, expected: Truth, person: Person) -> list[str]:
    found = []
    for method in ("actor.getProfile", "feed.getActorTracks", "library.getActorLists"):
        answer = await program.query(method, actor=person.did)
        rows = answer.body.get("feed") or answer.body.get("lists") or answer.body.get("profile")
        if answer.status == 200 and rows:
            found.append(f"{person.handle} is {person.account.status}, {method} shows {rows}")
    for record in expected.records.values():
        if record.did != person.did or record.collection not in (TRACK, LIST):
            continue
        method = "feed.getTrack" if record.collection == TRACK else "library.getList"
        if (await program.query(method, uri=record.uri)).status == 200:
            found.append(f"{record.uri} is shown, {person.handle} is {person.account.status}")
    return found


async def _stored(program: Program, expected: Truth, person: Person) -> list[str]:
    rows = await program.rows(
        "select collection, rkey, cid, state from record where did = $1", person.did
    )
    stored = {f"{row['collection']}/{row['rkey']}": row for row in rows}
    found = []
    for uri, record in expected.records.items():
        if record.did != person.did:
            continue
        row = stored.get(uri.split("/", 3)[3])
        seen = (row["cid"], row["state"]) if row else None
        if record.valid and seen != (record.cid, "valid"):
            found.append(f"{uri}: stored as {seen}, not valid as {record.cid}")
        if not record.valid and seen not in (None, (record.cid, "invalid")):
            found.append(f"{uri}: stored as {seen}, not quarantined as {record.cid}")
    for path, row in stored.items():
        if person.uri(path) in expected.gone and row["state"] != "deleted":
            found.append(f"{person.uri(path)}: stored as {row['state']}, but deleted")
        if path not in person.ever and row["state"] != "deleted":
            found.append(f"{person.uri(path)}: stored, but never written")
    return found + await _proven(program, person)


async def _proven(program: Program, person: Person) -> list[str]:
    """The proven chain ends where the repository does, and nothing waits."""
    repos = await program.rows("select state, rev, data from repo where did = $1", person.did)
    queued = await program.rows("select seq from repo_queue where did = $1", person.did)
    found = [f"{person.handle}: {len(queued)} events still wait"] if queued else []
    if not repos:
        return [*found, f"{person.handle}: no state of the repository"]
    state, rev, data = repos[0]
    if state != "synchronized":
        found.append(f"{person.handle}: the repository is {state}")
    if rev != person.repo.rev or data != person.repo.data.raw:
        found.append(f"{person.handle}: proven to {rev}, the repository is at {person.repo.rev}")
    return found
