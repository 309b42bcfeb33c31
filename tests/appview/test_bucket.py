"""Blobs on an S3-compatible store, behind the folders of several machines."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import httpx
import obstore
import pytest
from obstore.store import S3Store

from appview.media.bucket import Bucket, open_bucket
from appview.media.disk import Disk
from appview.media.stored import Room, Stored
from lexicons.cid import parse_cid
from lexicons.syntax import Did
from migrations.database import Pool
from tests.appview.stage import GET_BLOB, MANY, Scene, noise, staged, whole
from tests.network.http import free_port, status
from tests.network.program import Program
from tests.support import http_client, wait_until

pytestmark = pytest.mark.usefixtures("environment")
pytest.importorskip("moto.server", reason="moto is not installed: no S3-compatible server")


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()


@pytest.fixture
async def environment(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": store,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "ours",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }.items():
        monkeypatch.setenv(name, value)

    async with http_client(store) as client:

        async def listens() -> bool:
            try:
                return (await client.get("/moto-api/")).is_success
            except httpx.TransportError:
                return False

        await wait_until(listens, 30)
        await client.post("/moto-api/reset")
        signed = {
            "authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request"
        }
        assert (await client.put("/music", headers=signed)).is_success


@pytest.fixture
def bucket(pool: Pool) -> Bucket:
    return open_bucket("s3://music/blobs", Stored(pool, MANY))


@pytest.fixture
async def scene(pool: Pool, tmp_path: Path, bucket: Bucket) -> AsyncIterator[Scene]:
    """Two machines with a folder each."""
    disks = [Disk(tmp_path / name, MANY, 0) for name in ("one", "other")]
    async with staged(pool, tmp_path, disks=disks, bucket=bucket) as scene:
        yield scene


async def objects(bucket: Bucket) -> dict[str, int]:
    found = await obstore.list(bucket.objects).collect_async()
    return {one["path"]: one["size"] for one in found}


async def until_uploaded(pool: Pool, *names: str) -> None:
    async def is_whole() -> bool:
        rows = await pool.fetch("select from media.stored where whole and name = any($1)", names)
        return len(rows) == len(names)

    await wait_until(is_whole, 20)


async def test_what_one_machine_fetched_another_hands_out_from_the_bucket(
    scene: Scene, pool: Pool, bucket: Bucket
) -> None:
    assert (await scene.get()).content == scene.audio
    await until_uploaded(pool, scene.cid)
    assert await objects(bucket) == {scene.cid: len(scene.audio)}
    whole = await scene.get(server=1)
    assert whole.content == scene.audio
    assert whole.headers["etag"] == f'"{scene.cid}"'
    assert whole.headers["content-type"] == "audio/mpeg"
    for start, stop in ((0, 2), (8_000, 9_000), (700_000, 1_000_000), (262_143, 262_145)):
        part = await scene.get({"range": f"bytes={start}-{stop - 1}"}, server=1)
        assert (part.status_code, part.content) == (206, scene.audio[start:stop])
    assert scene.fetches == 1


async def test_what_works_on_a_blob_gets_it_from_the_bucket_too(scene: Scene, pool: Pool) -> None:
    await scene.get()
    await until_uploaded(pool, scene.cid)
    did, cid = Did(scene.alice.did), parse_cid(scene.cid)
    assert await whole(scene.blobs[1], did, cid) == scene.audio
    await scene.blobs[0].keep("thumb", b"small")
    assert await scene.blobs[1].kept("thumb") == b"small"
    assert scene.fetches == 1


async def test_a_server_is_told_of_the_bucket_by_its_setting(
    scene: Scene, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    settings = {"PLYR_MEDIA_STORE": "s3://music/blobs", "PLYR_MIN_FREE_BYTES": "0"}
    program = Program(scene.world, database_url, tmp_path / "third", "serve", settings)
    await program.start()
    try:
        answer = await program.get(GET_BLOB, list(scene.params.items()))
        assert answer.content == scene.audio
        await until_uploaded(pool, scene.cid)

        async def is_counted() -> bool:
            return await program.metric("plyr_media_uploads_total", outcome="kept") == 1

        await wait_until(is_counted)
    finally:
        await program.terminate()
    assert (await scene.get()).headers["etag"] == f'"{scene.cid}"'
    assert scene.fetches == 1


async def test_a_wrong_blob_never_gets_into_the_bucket(
    scene: Scene, pool: Pool, bucket: Bucket
) -> None:
    scene.upstream(status(500), times=2)
    assert (await scene.get()).status_code == 502
    assert await objects(bucket) == {}
    assert await pool.fetchval("select count(*) from media.stored") == 0


async def test_a_bucket_that_is_gone_costs_a_fetch_and_nothing_else(
    scene: Scene, pool: Pool, bucket: Bucket
) -> None:
    await scene.get()
    await until_uploaded(pool, scene.cid)
    await obstore.delete_async(bucket.objects, scene.cid)
    assert (await scene.get(server=1)).content == scene.audio
    assert scene.fetches == 2
    await until_uploaded(pool, scene.cid)
    assert await objects(bucket) == {scene.cid: len(scene.audio)}


async def test_a_store_that_does_not_answer_costs_a_fetch_and_nothing_else(
    pool: Pool, tmp_path: Path
) -> None:
    nowhere = S3Store(
        "music",
        endpoint="http://127.0.0.1:9",
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    bucket = Bucket(nowhere, Stored(pool, MANY))
    async with staged(pool, tmp_path, bucket=bucket) as scene:
        insert = "insert into media.stored (name, bytes, whole) values ($1, 1000000, true)"
        await pool.execute(insert, scene.cid)
        assert (await scene.get()).content == scene.audio
        await wait_until(scene.kept)
        assert (await scene.get(server=1)).headers["etag"] == f'"{scene.cid}"'


async def put(bucket: Bucket, tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with path.open("rb", buffering=0) as file:
        await bucket.put(name, file, len(data))


async def held(pool: Pool) -> Sequence[str]:
    rows = await pool.fetch("select name from media.stored order by used_at")
    return [row["name"] for row in rows]


async def test_the_bound_of_the_bucket_holds_and_the_least_used_go_first(
    pool: Pool, tmp_path: Path
) -> None:
    one, other = (open_bucket("s3://music", Stored(pool, 2_500)) for _ in range(2))
    await put(one, tmp_path, "a", b"a" * 1_000)
    await put(other, tmp_path, "b", b"b" * 1_000)
    assert await other.find("a") is not None, "used later than b"
    await put(one, tmp_path, "c", b"c" * 1_000)
    assert await objects(one) == {"a": 1_000, "c": 1_000}
    await put(other, tmp_path, "too large", b"d" * 2_501)
    assert await held(pool) == ["a", "c"]


async def test_many_uploads_at_once_stay_within_the_bound(pool: Pool, tmp_path: Path) -> None:
    buckets = [open_bucket("s3://music", Stored(pool, 5_000)) for _ in range(4)]
    path = tmp_path / "noise"
    path.write_bytes(noise(900))

    async def upload(number: int) -> None:
        with path.open("rb", buffering=0) as file:
            await buckets[number % 4].put(f"n{number}", file, 900)

    await asyncio.gather(*(upload(number) for number in range(20)))
    there = await objects(buckets[0])
    assert sum(there.values()) <= 5_000
    assert set(there) == set(await held(pool))


async def test_room_is_given_to_one_after_another(pool: Pool) -> None:
    stored = Stored(pool, 5_000)
    await asyncio.gather(*(pool.fetchval("select pg_sleep(0.01)") for _ in range(10)))  # all open
    rooms = await asyncio.gather(*(stored.reserve(f"n{number}", 900) for number in range(30)))
    assert rooms.count(Room.RESERVED) == 5
    assert rooms.count(Room.NONE) == 25


async def test_what_lies_in_the_bucket_is_right_whatever_the_table_says(
    pool: Pool, tmp_path: Path, bucket: Bucket
) -> None:
    await put(bucket, tmp_path, "kept", b"1234")
    await pool.execute("delete from media.stored")
    await pool.execute("insert into media.stored (name, bytes, whole) values ('lost', 5, true)")
    await bucket.reconcile()
    rows = await pool.fetch("select name, bytes, whole from media.stored")
    assert [tuple(row) for row in rows] == [("kept", 4, True)]


async def test_an_upload_that_was_broken_off_keeps_its_room_for_an_hour_only(
    pool: Pool, tmp_path: Path
) -> None:
    bucket = open_bucket("s3://music", Stored(pool, 1_000))
    insert = "insert into media.stored (name, bytes, whole) values ('half', 900, false)"
    await pool.execute(insert)
    await put(bucket, tmp_path, "new", b"n" * 500)
    assert await held(pool) == ["half"]
    await pool.execute("update media.stored set used_at = now() - interval '2 hours'")
    await put(bucket, tmp_path, "new", b"n" * 500)
    assert await held(pool) == ["new"]
