"""People with a past: accounts and records of every kind, some of them gone, hidden or broken."""

import asyncio
from dataclasses import dataclass

from tests.reference.network import Network, Person, Written
from tests.reference.records import (
    BSKY_PROFILE,
    COMMENT,
    LIKE,
    LIST,
    PROFILE,
    TRACK,
    comment,
    create,
    like,
    profile,
    track,
    track_list,
    upload_track,
)

# Neighbours of our collections in every tree, and namesakes of other environments (R20).
FOREIGN = (
    "app.bsky.feed.postx",
    "fm.plyr.dev.track",
    "fm.plyr.listing",
    "fm.plyr.stg.track",
    "fm.plyr.tracks",
    "zone.example.note",
)


@dataclass(frozen=True, slots=True)
class Population:
    ann: Person
    ben: Person
    tracks: list[Written]
    hidden: list[Written]
    foreign: list[Written]


async def populate(network: Network) -> Population:
    names = ("ann", "ben", "cat", "dan", "eve", "fay", "gus", "hal")
    people = await asyncio.gather(*(network.join(name) for name in names))
    ann, ben, cat, dan, eve, fay, gus, hal = people
    tracks = await publish(ann)
    await listen(ben, tracks)
    await listen(cat, tracks[::2])
    foreign = await write_foreign(hal)
    hal_track = await hal.create(TRACK, track("Under another name"))
    await hal.rename("hallelujah")
    hidden = [await dan.create(TRACK, track("Asleep")), await eve.create(TRACK, track("Banned"))]
    await asyncio.gather(*(person.create(LIKE, like(tracks[0])) for person in (dan, eve)))
    await dan.deactivate()
    await network.take_down(eve.did, applied=True)
    await break_rules(fay, tracks[0])
    await gus.put(BSKY_PROFILE, "self", {"displayName": "Only on Bluesky"})
    await leave_behind(network, tracks[0])
    return Population(ann, ben, [*tracks, hal_track], hidden, foreign)


async def publish(artist: Person) -> list[Written]:
    """More tracks than a small page holds, one of them deleted and one rewritten."""
    tracks = [await artist.create(TRACK, track(f"Number {n}", duration=n)) for n in range(12)]
    tracks.append(await upload_track(artist, "With its bytes", description="a #field recording"))
    await artist.delete(tracks.pop(3))
    second = track("Number 1, remastered", album="Numbers")
    tracks[1] = await artist.put(TRACK, tracks[1].rkey, second)
    await artist.put(PROFILE, "self", profile("Writes songs"))
    await artist.put(BSKY_PROFILE, "self", {"displayName": "Ann of the North"})
    await artist.create(LIST, track_list("Numbers", *reversed(tracks), kind="album"))
    return tracks


async def listen(fan: Person, tracks: list[Written]) -> None:
    """Likes, one of them twice; comments, one of them deleted; a list with something missing."""
    for item in tracks:
        await fan.create(LIKE, like(item))
    again = await fan.create(LIKE, like(tracks[0]))
    await fan.create(COMMENT, comment(tracks[0], "here it starts", 1_500))
    await fan.create(COMMENT, comment(tracks[0], "again", 500))
    regretted = await fan.create(COMMENT, comment(tracks[0], "first!"))
    await fan.delete(regretted)
    nowhere = Written(f"at://{fan.did}/fm.plyr.track/3aaaaaaaaaa2a", again.cid, "")
    mixed = await fan.create(LIST, track_list("Mixed", tracks[0], nowhere, again, tracks[0]))
    await fan.create(LIKE, like(mixed))
    await fan.create(LIKE, like(nowhere))
    await fan.put(PROFILE, "self", profile("Listens"))


async def write_foreign(person: Person) -> list[Written]:
    """A repo of which the greater part is nothing to us."""
    written: list[Written] = []
    for start in range(0, 180, 60):
        writes = [
            create(FOREIGN[n % len(FOREIGN)], f"3foreign{n:03}", track(f"Foreign {n}"))
            for n in range(start, start + 60)
        ]
        written += await person.apply(*writes)
    return written


async def break_rules(person: Person, subject: Written) -> None:
    """Every record here is stored by the PDS; one keeps to its lexicon."""
    await person.create(TRACK, track("Fine"))
    for why, record in {
        "title is missing": {"artist": "x", "fileType": "mp3"},
        "title is too long": track("x" * 257),
        "duration is negative": track("Backwards", duration=-1),
        "createdAt is no time": track("Sometime") | {"createdAt": "yesterday"},
        "fileType is a number": track("Three", fileType=3),
    }.items():
        await person.create_invalid(TRACK, record, why)
    keyed = "the key is no TID"
    await person.create_invalid(TRACK, track("Keyed"), keyed, rkey="my-first-track")
    await person.create_invalid(LIKE, {"subject": subject.uri}, "the subject is no strongRef")
    await person.create_invalid(COMMENT, comment(subject, ""), "text is empty")
    await person.create_invalid(LIST, track_list("Long", *[subject] * 501), "too many items")
    await person.create_invalid(PROFILE, profile("Late"), "the key is not self", rkey="other")


async def leave_behind(network: Network, subject: Written) -> None:
    """Somebody who was here and deleted the account."""
    jon = await network.join("jon")
    await jon.create(TRACK, track("Gone with me"))
    await jon.create(LIKE, like(subject))
    await jon.leave()
