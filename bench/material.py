"""Frames to send: signed commits of strangers and of our people, made once and kept on disk."""

import pickle
import random
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

from tests.indexer.signed_repo import create, make_commit_frame, make_repo, public_key
from tests.network.encoding import TidClock
from xrpc.keys import multikey

SEQ_BASE = 1 << 40
"""Seqs from here on take nine bytes of CBOR each, so they can be patched in place."""


def foreign_frames(count: int) -> list[bytes]:
    """Posts and likes of Bluesky: about 4 KB a frame, 1 to 3 ops, a tree of a few levels."""
    chance = random.Random(1)
    frames = []
    for number in range(8):
        repo = make_repo(f"did:plc:{'foreign' + 'abcdefgh'[number]:a<24}")
        clock = TidClock()
        for _ in range(60):  # a tree that is not trivial
            repo.commit([create(f"app.bsky.feed.post/{clock.next()}", post(chance))])
        for _ in range(count // 8):
            writes = [
                create(f"app.bsky.feed.post/{clock.next()}", post(chance))
                for _ in range(chance.choice([1, 1, 1, 2, 3]))
            ]
            frames.append(make_commit_frame(repo, *writes, seq=SEQ_BASE))
    chance.shuffle(frames)
    return frames


def post(chance: random.Random) -> dict[str, object]:
    return {
        "$type": "app.bsky.feed.post",
        "text": " ".join(chance.choices(["bass", "drum", "tape", "loop", "reverb"], k=120)),
        "createdAt": "2026-11-22T12:00:00.000Z",
        "langs": ["en"],
    }


Subject = tuple[str, str]
"""URI and CID."""


def own_frames(
    people: Sequence[int], commits: int, subjects: Sequence[Subject] = ()
) -> tuple[list[bytes], dict[str, str]]:
    """Likes, one a commit, by many people in turn; and the multikey of each by DID."""
    repos = [make_repo(f"did:plc:{'own' + letters(number):z<24}") for number in people]
    clock = TidClock()
    subjects = subjects or [some_track(number) for number in range(50)]
    liked = islice(cycle(subjects), commits)
    frames = [
        make_commit_frame(
            repo, create(f"fm.plyr.like/{clock.next()}", like(*next(liked))), seq=SEQ_BASE
        )
        for _ in range(commits // len(people))
        for repo in repos
    ]
    return frames, {repo.did: multikey(public_key(repo)) for repo in repos}


def letters(number: int) -> str:
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


def some_track(number: int) -> Subject:
    return (
        f"at://did:plc:{'artist':a<24}/fm.plyr.track/3lbb{letters(number):2<9}",
        "bafyreiclp443lavogvhj3d2ob2cxbfuscni2k5jk7bebjzg7khl3esabwq",
    )


def like(uri: str, cid: str) -> dict[str, object]:
    return {
        "$type": "fm.plyr.like",
        "subject": {"uri": uri, "cid": cid},
        "createdAt": "2026-11-22T12:00:00.000Z",
    }


def seq_offset(frame: bytes) -> int:
    """Where the eight bytes of the seq stand."""
    return frame.index(b"cseq\x1b" + SEQ_BASE.to_bytes(8, "big")) + 5


def numbered(frame: bytes, seq: int) -> bytes:
    """With another seq, written as wide as the one it has."""
    offset = seq_offset(frame)
    return frame[:offset] + seq.to_bytes(8, "big") + frame[offset + 8 :]


def websocket_message(frame: bytes) -> bytes:
    """One unmasked binary message, as servers send them (RFC 6455)."""
    length = len(frame)
    if length < 126:
        return bytes((0x82, length)) + frame
    if length < 1 << 16:
        return b"\x82\x7e" + length.to_bytes(2, "big") + frame
    return b"\x82\x7f" + length.to_bytes(8, "big") + frame


def save(path: Path, frames: list[bytes]) -> None:
    path.write_bytes(pickle.dumps(frames))


def passes(path: Path, total: int) -> Iterator[bytes]:
    """All messages of one pass after another, seqs rising by one, `total` messages in all."""
    frames: list[bytes] = pickle.loads(path.read_bytes())
    buffer = bytearray()
    offsets = []
    ends = []
    for frame in frames:
        message = websocket_message(frame)
        offsets.append(len(buffer) + len(message) - len(frame) + seq_offset(frame))
        buffer += message
        ends.append(len(buffer))
    sent = 0
    while sent < total:
        here = min(len(frames), total - sent)
        for number in range(here):
            seq = SEQ_BASE + sent + number
            buffer[offsets[number] : offsets[number] + 8] = seq.to_bytes(8, "big")
        yield bytes(buffer[: ends[here - 1]])
        sent += here
