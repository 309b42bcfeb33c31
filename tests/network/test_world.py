"""The world is itself held to the official vectors, to other decoders and to a recorded PDS."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import libipld
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from websockets.asyncio.client import connect

from tests.network import http, lies
from tests.network.encoding import (
    Link,
    TidClock,
    dag_cbor,
    from_dag_cbor,
    link_to,
    parse_link,
    tid,
    tid_micros,
)
from tests.network.inversion import TooLittle, inverted
from tests.network.keys import ORDER, Curve, SigningKey
from tests.network.makers import like, track
from tests.network.mst import Tree, common_prefix_length, height
from tests.network.repo import CommitEvent, Repo, Write
from tests.network.world import Person, World
from tests.support import SHARED, http_client

INTEROP = SHARED / "interop"
FRAMES = SHARED / "fixtures" / "reference-pds" / "frames.bin"

needs_vectors = pytest.mark.skipif(not INTEROP.is_dir(), reason=f"no vectors in {INTEROP}")
needs_frames = pytest.mark.skipif(not FRAMES.is_file(), reason=f"no recording at {FRAMES}")


def vectors(path: str) -> Any:
    return json.loads((INTEROP / path).read_text())


def a_repo(curve: Curve = "k256") -> Repo:
    return Repo("did:plc:" + "z" * 24, SigningKey(curve), TidClock())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world() -> AsyncIterator[World]:
    async with World.open() as world:
        yield world


@needs_vectors
def test_key_heights_are_the_official_ones() -> None:
    for vector in vectors("mst/key_heights.json"):
        assert height(vector["key"].encode()) == vector["height"], vector


@needs_vectors
def test_prefix_lengths_are_the_official_ones() -> None:
    for vector in vectors("mst/common_prefix.json"):
        left, right = vector["left"].encode(), vector["right"].encode()
        assert common_prefix_length(left, right) == vector["len"], vector


@needs_vectors
def test_roots_and_proof_blocks_are_the_official_ones() -> None:
    for vector in vectors("firehose/commit-proof-fixtures.json"):
        leaf = parse_link(vector["leafValue"])
        records = {key.encode(): leaf for key in vector["keys"]}
        assert str(Tree(records).root) == vector["rootBeforeCommit"], vector["comment"]
        records |= {key.encode(): leaf for key in vector["adds"]}
        for key in vector["dels"]:
            del records[key.encode()]
        after = Tree(records)
        assert str(after.root) == vector["rootAfterCommit"], vector["comment"]
        changed = [key.encode() for key in (*vector["adds"], *vector["dels"])]
        proof = {str(link) for link in after.proof(changed)}
        assert proof == set(vector["blocksInProof"]), vector["comment"]


def test_the_empty_tree_is_the_well_known_one() -> None:
    empty = Tree({})
    assert str(empty.root) == "bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm"
    assert list(empty.nodes.values()) == [bytes.fromhex("a2616580616cf6")]


def random_writes(chance: random.Random, repo: Repo, number: int) -> list[Write]:
    present = sorted(key.decode() for key in repo.records)
    paths = chance.sample(present, min(len(present), chance.randrange(4)))
    writes = [
        Write("delete", path) if chance.random() < 0.5 else Write("update", path, {"n": number})
        for path in paths
    ]
    new = [f"fm.plyr.track/{chance.getrandbits(60):015x}" for _ in range(chance.randrange(5))]
    return writes + [Write("create", path, {"n": number}) for path in new]


@pytest.mark.parametrize("seed", range(8))
def test_every_commit_inverts_with_its_own_blocks_alone(seed: int) -> None:
    chance, repo = random.Random(seed), a_repo()
    for number in range(60):
        before = repo.data
        event = repo.commit(random_writes(chance, repo, number))
        ops = event.payload["ops"]
        chance.shuffle(ops)
        assert inverted(event.blocks, event.signed["data"], ops) == before


def test_a_hidden_op_does_not_invert() -> None:
    repo = a_repo()
    repo.commit([Write("create", f"fm.plyr.track/{n}", {"n": n}) for n in range(50)])
    before = repo.data
    event = repo.commit([Write("create", f"fm.plyr.like/{n}", {"n": n}) for n in range(2)])
    told = lies.hidden_op(event)
    assert inverted(told.blocks, told.signed["data"], told.payload["ops"]) != before


def test_a_commit_without_its_proof_is_too_little() -> None:
    repo = a_repo()
    repo.commit([Write("create", f"fm.plyr.track/{n}", {"n": n}) for n in range(200)])
    path = max((f"fm.plyr.like/{n}" for n in range(20)), key=lambda path: -height(path.encode()))
    event = lies.without_proof(repo.commit([Write("create", path, {"n": 0})]))
    with pytest.raises((TooLittle, AssertionError)):
        inverted(event.blocks, event.signed["data"], event.payload["ops"])


def verify(key: SigningKey, signature: bytes, message: bytes) -> None:
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    key.public.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))


def signed_message(event: CommitEvent) -> bytes:
    return dag_cbor({name: item for name, item in event.signed.items() if name != "sig"})


@pytest.mark.parametrize("curve", ["k256", "p256"])
def test_commits_are_signed_low_s_and_lies_are_not(curve: Curve) -> None:
    event = a_repo(curve).commit([Write("create", "fm.plyr.track/a", {"n": 1})])
    for told, low in ((event, True), (lies.high_s(event), False)):
        signature = told.signed["sig"]
        verify(event.key, signature, signed_message(told))
        assert len(signature) == 64
        assert (int.from_bytes(signature[32:]) <= ORDER[curve] // 2) is low
    der = lies.der_signature(event).signed["sig"]
    event.key.public.verify(der, signed_message(event), ec.ECDSA(SHA256()))


def test_another_decoder_reads_the_repository_and_its_frames() -> None:
    repo = a_repo()
    event = repo.commit(
        [Write("create", f"fm.plyr.track/{n}", {"n": n, "at": link_to(b"x")}) for n in range(30)]
    )
    header, blocks = libipld.decode_car(repo.car())
    assert header["roots"] == [repo.head.raw]
    assert {Link(raw) for raw in blocks} == set(repo.blocks())
    assert blocks[repo.head.raw]["data"] == repo.data.raw
    head, payload = libipld.decode_dag_cbor_multi(event.frame(7))
    assert head == {"op": 1, "t": "#commit"}
    assert payload["seq"] == 7
    assert payload["commit"] == repo.head.raw
    assert len(payload["ops"]) == 30


def recorded_frames() -> Iterator[tuple[str, dict[str, Any]]]:
    data = FRAMES.read_bytes()
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        header, payload = libipld.decode_dag_cbor_multi(data[at + 4 : at + 4 + length])
        yield header["t"], payload
        at += 4 + length


def shape(payload: dict[str, Any]) -> dict[str, str]:
    return {name: type(value).__name__ for name, value in payload.items()}


@needs_frames
async def test_frames_have_the_shape_of_the_reference(world: World) -> None:
    known: dict[str, list[dict[str, str]]] = {}
    op_shapes: set[str] = set()
    for kind, payload in recorded_frames():
        known.setdefault(kind, []).append(shape(payload))
        op_shapes |= {json.dumps(shape(op), sort_keys=True) for op in payload.get("ops", ())}
    alice = await world.person("alice")
    written = await alice.write(track())
    await alice.update(written, track("Flamenco Sketches"))
    await alice.delete(written)
    await alice.become("deactivated")
    for _, frame in world.relay.log:
        header, payload = libipld.decode_dag_cbor_multi(frame)
        assert shape(payload) in known[header["t"]], (header, shape(payload))
        for op in payload.get("ops", ()):
            assert json.dumps(shape(op), sort_keys=True) in op_shapes


def test_tids_rise_and_say_their_time() -> None:
    clock = TidClock(3)
    made = [clock.next() for _ in range(500)]
    assert made == sorted(set(made))
    assert tid(tid_micros(made[0]), 3) == made[0]
    assert tid(0) == "2222222222222"


async def received(world: World, count: int, cursor: int) -> list[Any]:
    url = f"{world.relay.url}/xrpc/com.atproto.sync.subscribeRepos?cursor={cursor}"
    async with connect(url, proxy=None) as relay:
        frames = [await relay.recv(decode=False) for _ in range(count)]
    return [libipld.decode_dag_cbor_multi(frame) for frame in frames]


async def test_the_relay_replays_what_is_after_the_cursor(world: World) -> None:
    start = world.relay.seq
    await world.person("bob")
    frames = await received(world, 3, start + 1)
    assert [payload["seq"] for _, payload in frames] == [start + 2, start + 3, start + 4]


async def test_the_relay_refuses_a_future_cursor_and_reports_an_outdated_one(world: World) -> None:
    await world.person("carol")
    ((header, payload),) = await received(world, 1, world.relay.seq + 10)
    assert (header, payload["error"]) == ({"op": -1}, "FutureCursor")
    old = world.relay.seq - 1
    world.relay.forget_window()
    ((header, payload),) = await received(world, 1, old)
    assert (header["t"], payload["name"]) == ("#info", "OutdatedCursor")


async def ask(person: Person, name: str, **params: str) -> httpx.Response:
    async with http_client() as client:
        return await client.get(f"{person.pds.url}/xrpc/com.atproto.{name}", params=params)


async def test_a_pds_gives_out_what_was_written(world: World) -> None:
    dora = await world.person("dora", web=True)
    song = await dora.write(track("Autumn Leaves"))
    fan = await dora.write(like(song))
    answer = await ask(dora, "sync.getRepo", did=dora.did)
    _, blocks = libipld.decode_car(answer.content)
    assert {str(Link(raw)) for raw in blocks} >= {song.cid, fan.cid}
    answer = await ask(dora, "repo.listRecords", repo=dora.did, collection="fm.plyr.track")
    assert [record["uri"] for record in answer.json()["records"]] == [song.uri]
    answer = await ask(dora, "sync.getBlocks", did=dora.did, cids=str(dora.repo.head))
    assert answer.content.endswith(dora.repo.head.raw + dora.repo.head_block)
    await dora.become("takendown")
    answer = await ask(dora, "sync.getRepo", did=dora.did)
    assert (answer.status_code, answer.json()["error"]) == (400, "RepoTakendown")


async def test_faults_come_as_often_as_told_and_then_the_truth(world: World) -> None:
    erin = await world.person("erin")
    erin.pds.faults.on("com.atproto.sync.getLatestCommit", http.status(429), times=2)
    codes = [(await ask(erin, "sync.getLatestCommit", did=erin.did)).status_code for _ in range(3)]
    assert codes == [429, 429, 200]


async def test_a_car_can_be_cut_so_that_it_still_parses(world: World) -> None:
    frank = await world.person("frank")
    for _ in range(5):
        await frank.write(track())
    frank.pds.faults.on(
        "com.atproto.sync.getRepo", http.rewritten(http.cut_between_blocks), times=1
    )
    cut = await ask(frank, "sync.getRepo", did=frank.did)
    whole = await ask(frank, "sync.getRepo", did=frank.did)
    _, some = libipld.decode_car(cut.content)
    _, all_of_them = libipld.decode_car(whole.content)
    assert len(some) == len(all_of_them) - 1


def test_data_survives_a_round_trip() -> None:
    value = {"a": [1, None, True, b"x", "y"], "link": link_to(b"z"), "bb": {"c": -5}}
    assert from_dag_cbor(dag_cbor(value)) == value
