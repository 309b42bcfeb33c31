"""People who write all at once: a recording long enough to be interrupted in its middle."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from tests.indexer import recording
from tests.indexer.signed_repo import create, delete, make_repo, update
from tests.network import makers
from tests.network.repo import Repo, Write, account_event

Documents = Mapping[str, Mapping[str, Any]]


@dataclass(slots=True)
class Person:
    repo: Repo
    handle: str
    chance: random.Random
    tracks: list[str] = field(default_factory=list)

    def write(self, artists: Sequence["Person"]) -> Write:
        """Something of every kind; what it points at belongs to a few, so that counters meet."""
        rkey = self.repo.clock.next()
        artist = self.chance.choice(artists)
        rest = self.chance.choice(artist.tracks or ["fm.plyr.track/3kaaaaaaaaa22"])
        subject = f"at://{artist.repo.did}/{rest}"
        match self.chance.randrange(8):
            case 0 if self.tracks:
                return delete(self.tracks.pop(self.chance.randrange(len(self.tracks))))
            case 1 if self.tracks:
                return update(self.chance.choice(self.tracks), makers.track(f"Edited {rkey}"))
            case 2 | 3:
                return create(f"fm.plyr.like/{rkey}", makers.like(subject))
            case 4:
                return create(f"fm.plyr.comment/{rkey}", makers.comment(subject))
            case 5:
                return create(f"fm.plyr.list/{rkey}", makers.playlist([subject]))
            case _:
                self.tracks.append(f"fm.plyr.track/{rkey}")
                return create(self.tracks[-1], makers.track())

    def document(self) -> dict[str, Any]:
        did = self.repo.did
        key = {"id": f"{did}#atproto", "type": "Multikey", "controller": did}
        return {
            "id": did,
            "alsoKnownAs": [f"at://{self.handle}"],
            "verificationMethod": [key | {"publicKeyMultibase": self.repo.key.multikey}],
        }


def record_crowd(file: Path, people: int, writes: int, seed: int) -> Documents:
    """Write the recording, after that of the real PDS where it is at hand; give the documents."""
    chance = random.Random(seed)
    crowd = [
        Person(make_repo(f"did:plc:{letters(number):a>24}"), f"person{number}.test", chance)
        for number in range(people)
    ]
    frames = []
    for seq in range(1, writes + 1):
        person = chance.choice(crowd)
        frames.append(person.repo.commit([person.write(crowd[:5])]).frame(seq))
        if seq % 100 == 0:  # somebody leaves, and is back at once
            left = chance.choice(crowd).repo.did
            frames.append(account_event(left, active=False, status="deactivated").frame(seq))
            frames.append(account_event(left, active=True).frame(seq))
    recorded, documents = b"", {}
    if recording.FOLDER.exists():
        recorded = (recording.FOLDER / "frames.bin").read_bytes()
        documents = json.loads((recording.FOLDER / "expected.json").read_text())["didDocs"]
    file.write_bytes(recorded + b"".join(len(frame).to_bytes(4) + frame for frame in frames))
    return documents | {person.repo.did: person.document() for person in crowd}


def letters(number: int) -> str:
    return "".join("bcdefghijk"[int(digit)] for digit in str(number))


async def introduce(database_url: str, documents: Documents) -> None:
    """Make their keys known, so that no answer of a directory comes too late on a slow machine."""
    keys = [
        (did, document["verificationMethod"][0]["publicKeyMultibase"])
        for did, document in documents.items()
    ]
    connection = await asyncpg.connect(database_url)
    await connection.executemany(
        "insert into account (did, signing_key, identity_at) values ($1, $2, now())", keys
    )
    await connection.close()
