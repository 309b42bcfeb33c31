"""What a correct index shows, derived from the world's own truth and from nothing else.

Repositories as their PDSes hold them, accounts as their PDSes serve them, and the validity that the
test stated when it wrote: the product is not asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.network.encoding import from_dag_cbor
from tests.network.world import Person, World

TRACK = "fm.plyr.track"
LIKE = "fm.plyr.like"
COMMENT = "fm.plyr.comment"
LIST = "fm.plyr.list"
PROFILE = "fm.plyr.actor.profile"
RECORD_KEY = re.compile(r"[A-Za-z0-9._:~-]{1,512}")
COLLECTIONS = (TRACK, LIKE, COMMENT, LIST, PROFILE)


@dataclass(frozen=True, slots=True)
class Record:
    uri: str
    did: str
    cid: str
    valid: bool
    value: Mapping[str, Any]

    @property
    def collection(self) -> str:
        return self.uri.split("/")[3]

    @property
    def subject(self) -> str:
        uri: str = self.value["subject"]["uri"]
        return uri


@dataclass(frozen=True, slots=True)
class Counts:
    likes: int
    comments: int
    in_lists: int


@dataclass(frozen=True, slots=True)
class Truth:
    """`records` are those of every account; `shown` those that an index may show."""

    records: Mapping[str, Record]
    gone: frozenset[str]
    hidden: frozenset[str]
    handles: Mapping[str, str]

    @property
    def shown(self) -> list[Record]:
        return [
            record
            for record in self.records.values()
            if record.valid and record.did not in self.hidden
        ]

    def shown_of(self, did: str, collection: str) -> list[Record]:
        return [
            record for record in self.shown if record.did == did and record.collection == collection
        ]

    def likers(self, subject: str) -> set[str]:
        """Distinct active accounts, however often each liked, whatever cid they saw."""
        return {
            record.did
            for record in self.shown
            if record.collection == LIKE and record.subject == subject
        }

    def comments(self, subject: str) -> set[str]:
        return {
            record.uri
            for record in self.shown
            if record.collection == COMMENT and record.subject == subject
        }

    def lists_with(self, subject: str) -> set[str]:
        return {
            record.uri
            for record in self.shown
            if record.collection == LIST and subject in items(record)
        }

    def counts(self, subject: str) -> Counts:
        return Counts(
            len(self.likers(subject)),
            len(self.comments(subject)),
            len(self.lists_with(subject)),
        )


def items(record: Record) -> list[str]:
    """A list's subjects, in the order of the record."""
    return [item["subject"]["uri"] for item in record.value["items"]]


def truth(world: World) -> Truth:
    people = list(world.people.values())
    records = {record.uri: record for person in people for record in held(person)}
    written = {person.uri(path) for person in people for path in person.ever if is_ours(path)}
    return Truth(
        records,
        frozenset(written - set(records)),
        frozenset(person.did for person in people if not person.active),
        {person.did: shown_handle(world, person) for person in people},
    )


def is_ours(path: str) -> bool:
    return path.partition("/")[0] in COLLECTIONS


def held(person: Person) -> Iterable[Record]:
    for key, link in person.repo.records.items():
        path = key.decode(errors="replace")
        collection, _, rkey = path.partition("/")
        if collection not in COLLECTIONS or not RECORD_KEY.fullmatch(rkey):
            continue
        valid = path not in person.invalid
        value = from_dag_cbor(person.repo.values[link]) if valid else {}
        yield Record(person.uri(path), person.did, str(link), valid, value)


def shown_handle(world: World, person: Person) -> str:
    """Proven both ways, or handle.invalid. Of the claims the first that is a handle counts."""
    claims: list[str] = person.account.did_document()["alsoKnownAs"]
    handles = [claim.removeprefix("at://") for claim in claims if claim.startswith("at://")]
    claimed = next((handle for handle in handles if is_handle(handle)), None)
    if claimed and world.directory.handles.get(claimed.lower()) == person.did:
        return claimed.lower()
    return "handle.invalid"


def is_handle(text: str) -> bool:
    labels = text.split(".")
    return len(labels) > 1 and all(
        label.replace("-", "").isalnum() and label.isascii() and label.strip("-") == label
        for label in labels
    )
