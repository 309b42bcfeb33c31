"""Whole repositories on disk, correctly built and signed, for the servers of bench/pds.py."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.network.encoding import Link, TidClock, car_header, car_section, dag_cbor, link_to, tid
from tests.network.keys import SigningKey
from tests.network.mst import Tree, encode_node

FOREIGN = {
    "app.bsky.feed.like": 10,
    "app.bsky.feed.post": 5,
    "app.bsky.feed.repost": 3,
    "app.bsky.graph.follow": 2,
}
OURS = ("fm.plyr.like", "fm.plyr.track")
SINCE_MICROS = 1_700_000_000_000_000


@dataclass(frozen=True, slots=True)
class OnDisk:
    did: str
    multikey: str
    path: Path
    records: int
    ours: int


def repo_on_disk(folder: Path, did: str, foreign: int, ours: int) -> OnDisk:
    """Named by its DID; its blocks in the order of their hashes, as good as none."""
    key, chance = SigningKey(), random.Random(f"{foreign} {ours}")
    values = dict(_records(chance, foreign, ours))
    tree = Tree({path: link_to(value) for path, value in values.items()})
    unsigned = {"did": did, "version": 3, "prev": None, "rev": TidClock().next(), "data": tree.root}
    head = dag_cbor({**unsigned, "sig": key.sign(dag_cbor(unsigned))})
    blocks = tree.nodes | {link_to(value): value for value in values.values()}
    path = folder / f"{did.rpartition(':')[2]}.car"
    with path.open("wb") as file:
        file.write(car_header([link_to(head)]) + car_section(link_to(head), head))
        file.writelines(car_section(link, blocks[link]) for link in sorted(blocks))
    encode_node.cache_clear()
    return OnDisk(did, key.multikey, path, len(values), ours)


def _records(chance: random.Random, foreign: int, ours: int) -> Iterator[tuple[bytes, bytes]]:
    written = chance.choices(list(FOREIGN), list(FOREIGN.values()), k=foreign)
    for collection in [*written, *(OURS[number % len(OURS)] for number in range(ours))]:
        rkey = tid(SINCE_MICROS + chance.randrange(90_000_000_000_000), chance.randrange(1024))
        yield f"{collection}/{rkey}".encode(), dag_cbor(_record(collection, chance))


def _record(collection: str, chance: random.Random) -> dict[str, object]:
    record: dict[str, object] = {"$type": collection, "createdAt": "2026-11-22T12:00:00.000Z"}
    someone = chance.randbytes(12).hex()
    if collection.endswith("post"):
        words = chance.choices(["bass", "drum", "tape", "loop"], k=chance.randrange(4, 60))
        return {**record, "text": " ".join(words), "langs": ["en"]}
    if collection.endswith("follow"):
        return {**record, "subject": f"did:plc:{someone}"}
    if collection == "fm.plyr.track":
        url = f"https://audio.plyr.fm/audio/{someone}.mp3"
        return {**record, "title": someone, "artist": "One", "fileType": "mp3", "audioUrl": url}
    cid = str(Link(bytes.fromhex("01711220") + chance.randbytes(32)))
    uri = f"at://did:plc:{someone}/fm.plyr.track/3lbb222222222"
    return {**record, "subject": {"uri": uri, "cid": cid}}


def repos_of_people(folder: Path, dids: Sequence[str], median: int) -> list[OnDisk]:
    """Lognormal: most are small, a few are huge. Of each some records are ours, up to twenty."""
    chance = random.Random(1)
    sizes = [min(int(median * chance.lognormvariate(0, 1.2)), 50 * median) for _ in dids]
    return [
        repo_on_disk(folder, did, size, 1 + size % 20)
        for did, size in zip(dids, sizes, strict=True)
    ]


def invented_did(number: int) -> str:
    return f"did:plc:{f'p{number:03}'.translate(DIGITS):a<24}"


DIGITS = str.maketrans("0123456789", "bcdefghijk")


def total_bytes(repos: Iterable[OnDisk]) -> int:
    return sum(repo.path.stat().st_size for repo in repos)
