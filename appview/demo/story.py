"""Who makes music in the demo, and what becomes of it."""

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from appview.demo.cover import cover
from appview.demo.network import Account, Network, Written
from appview.demo.repository import Json
from appview.demo.score import DORIAN, MAJOR, MINOR, Score, Style, compose
from appview.demo.sound import RATE
from lexicons.data_model import Value

NAMESPACE = "fm.plyr"


@dataclass(frozen=True, slots=True)
class Artist:
    handle: str
    name: str
    bio: str
    style: Style


@dataclass(frozen=True, slots=True)
class Piece:
    """`seed` makes the music and its cover."""

    title: str
    about: str = ""
    album: str = ""
    seed: int = 0


ARTISTS = (
    Artist(
        "mara.demo.test",
        "Mara Lindqvist",
        "Electric piano, late.",
        Style(DORIAN, (76, 92), "bell", "strings", "bass", has_drums=True),
    ),
    Artist(
        "tobi.demo.test",
        "Tobi & the Tin Roof",
        "Songs for bicycles.",
        Style(MAJOR, (104, 120), "glass", "bell", "bass", has_drums=True),
    ),
    Artist(
        "ines.demo.test",
        "Inês do Vale",
        "Flute and weather.",
        Style(MINOR, (62, 74), "flute", "strings", "bass", has_drums=False),
    ),
)
LISTENER = Artist("sam.demo.test", "Sam", "Listens.", ARTISTS[0].style)
ALBUM = "Kitchen Light"
FIRST = (
    (0, Piece("Kettle On", "Played before anybody was up. #morning", ALBUM, 11)),
    (0, Piece("Second Cup", "#morning", ALBUM, 12)),
    (1, Piece("Freewheel", "Downhill all the way. #bicycle", seed=21)),
    (2, Piece("Rain over Douro", "One take, window open. #rain", seed=31)),
)
LATER = (
    (0, Piece("The Tram Goes By", "#morning", ALBUM, 13)),
    (1, Piece("Bell and Basket", "#bicycle", seed=22)),
    (2, Piece("Fog, Clearing", "#rain", seed=32)),
)
WORDS = (
    ("Slow", "Blue", "Paper", "Northern", "Second", "Quiet", "Borrowed", "Early"),
    ("Lantern", "Harbour", "Garden", "Window", "Staircase", "Letter", "Orchard", "Signal"),
)
ENCORES = 40
"""All of it is kept in memory, six megabytes a piece."""
REMARKS = ("that bass!", "on repeat", "here it opens up", "more of this, please", "goosebumps")


@dataclass(slots=True)
class Story:
    network: Network
    people: Sequence[Account]
    dice: random.Random
    tracks: list[Written]

    @classmethod
    def begin(cls, network: Network) -> "Story":
        people = [network.join(artist.handle) for artist in (*ARTISTS, LISTENER)]
        for account, artist in zip(people, (*ARTISTS, LISTENER), strict=True):
            portrait = account.blob(cover(sum(map(ord, artist.name))), "image/png")
            face: Json = {"displayName": artist.name, "avatar": portrait}
            account.write("app.bsky.actor.profile", face, "self")
            account.write(f"{NAMESPACE}.actor.profile", {"bio": artist.bio}, "self")
        return cls(network, people, random.Random(), [])

    async def open(self) -> Written:
        """The first tracks, an album, and a playlist of them all, which is the page to open."""
        for who, piece in FIRST:
            await self.publish(who, piece)
        self.people[0].write(f"{NAMESPACE}.list", _list(ALBUM, "album", self.tracks[:2]))
        return self.people[3].write(
            f"{NAMESPACE}.list", _list("Tonight on loopback", "playlist", self.tracks)
        )

    async def go_on(self, pause_seconds: float) -> None:
        """What was planned at once, then something new now and then, until there is enough."""
        for who, piece in LATER:
            await self.publish(who, piece)
        for _ in range(ENCORES):
            await asyncio.sleep(pause_seconds)
            title = " ".join(map(self.dice.choice, WORDS))
            piece = Piece(title, "Made just now. #new", seed=self.dice.randrange(1 << 30))
            await self.publish(self.dice.randrange(len(ARTISTS)), piece)

    async def publish(self, who: int, piece: Piece) -> None:
        account, artist = self.people[who], ARTISTS[who]
        sound = await _played(compose(artist.style, piece.seed))
        picture = await asyncio.to_thread(cover, piece.seed)
        seconds = len(sound) // (4 * RATE)
        record: Json = {
            "title": piece.title,
            "artist": artist.name,
            "fileType": "wav",
            "audioBlob": account.blob(sound, "audio/wav"),
            "imageUrl": self.network.picture(picture),
            "duration": seconds,
            "description": piece.about,
        }
        if piece.album:
            record["album"] = piece.album
        self.tracks.append(account.write(f"{NAMESPACE}.track", record))
        self._hear(self.tracks[-1], seconds)

    def _hear(self, track: Written, seconds: int) -> None:
        """Somebody likes it, somebody says so."""
        for account in self.dice.sample(self.people, self.dice.randint(1, 3)):
            account.write(f"{NAMESPACE}.like", {"subject": track.ref})
        remark: Json = {
            "subject": track.ref,
            "text": self.dice.choice(REMARKS),
            "timestampMs": self.dice.randrange(seconds * 1000),
        }
        self.dice.choice(self.people).write(f"{NAMESPACE}.comment", remark)


async def _played(score: Score) -> bytes:
    """In a process of its own: a thread would take its turns from all else, the end included."""
    playing = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "appview.demo.sound",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    try:
        sound, _ = await playing.communicate(json.dumps(astuple(score)).encode())
    finally:
        if playing.returncode is None:
            playing.kill()
            await playing.wait()
    if playing.returncode:
        raise RuntimeError(f"the music ended with {playing.returncode}")
    return sound


def _list(name: str, kind: str, tracks: Sequence[Written]) -> Json:
    items: list[Value] = [{"subject": track.ref} for track in tracks]
    return {"name": name, "listType": kind, "items": items}
