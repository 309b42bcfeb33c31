"""The process that decodes strangers' bytes: whatever they are, it answers, or it is replaced."""

import asyncio
import contextlib
import gc
import io
import os
import random
import subprocess
import sys
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import BinaryIO

import pytest
from PIL import Image

from appview.confined import start
from appview.pictures.decoders import PICTURES_EACH, PROCESS, Decoders
from appview.pictures.protocol import PICTURE, SIDES, SOUND, Refused
from tests.appview.covers import BACK_COVER, FRONT_COVER, NAMES, covered, picture, plain
from xrpc.places import Places
from xrpc.tasks import end

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")


@contextlib.contextmanager
def on_disk(data: bytes) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(data)
        yield file


@pytest.fixture
async def decoders() -> AsyncIterator[Decoders]:
    decoders = Decoders()
    yield decoders
    await decoders.close()


async def outcome(decoders: Decoders, data: bytes, kind: bytes = PICTURE) -> str:
    """The width of the smallest that comes, or why nothing does."""
    with on_disk(data) as file:
        try:
            made = await decoders.make(kind, file)
        except Refused as error:
            return str(error)
    assert list(made) == list(SIDES)
    widths = []
    for size, side in SIDES.items():
        with Image.open(io.BytesIO(made[size])) as opened:
            assert opened.format == "JPEG"
            assert max(opened.size) <= side
            widths.append(opened.width)
    return str(widths[-1])


def processes(decoders: Decoders) -> list[int]:
    return [decoder.confined.process.pid for decoder in decoders._idle]


@pytest.mark.parametrize("kind", FORMATS)
async def test_one_process_decodes_picture_after_picture(decoders: Decoders, kind: str) -> None:
    assert await outcome(decoders, picture(200, kind=kind)) == "128"
    first = processes(decoders)
    assert await outcome(decoders, b"nonsense") != "128"
    assert await outcome(decoders, picture(100, kind=kind)) == "100"
    assert processes(decoders) == first


@pytest.mark.parametrize("name", NAMES)
async def test_the_front_cover_of_a_song_is_its_picture(decoders: Decoders, name: str) -> None:
    assert await outcome(decoders, plain(name), SOUND) == "Refused: there is no picture in it"
    assert await outcome(decoders, covered(name, (FRONT_COVER, picture(60))), SOUND) == "60"
    if name != "m4a":  # which knows no kinds
        assert await outcome(decoders, covered(name, (BACK_COVER, picture(50))), SOUND) == "50"
        both = covered(name, (BACK_COVER, picture(50)), (FRONT_COVER, picture(60)))
        assert await outcome(decoders, both, SOUND) == "60"


def mutated(data: bytes, chance: random.Random) -> bytes:
    """With a few bytes changed, cut out, doubled, or its end lost: most where it is described."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 40))):
        near = min(len(changed), chance.choice((32, 256, 4_096, len(changed))))
        at = chance.randrange(max(near, 1))
        length = chance.choice((1, 1, 2, 4, 50))
        match chance.randrange(4):
            case 0:
                changed[at : at + length] = chance.randbytes(length)
            case 1:
                changed[at : at + length] = b"\xff" * length
            case 2:
                del changed[at : at + length]
            case 3:
                changed[at:at] = changed[at : at + length]
    return bytes(changed if chance.random() < 0.8 else changed[: chance.randrange(1, len(changed))])


@pytest.mark.parametrize("kind", FORMATS)
async def test_no_picture_does_anything_but_come_or_be_refused(
    decoders: Decoders, kind: str
) -> None:
    chance = random.Random(kind)
    noise = Image.effect_noise((90, 90), 80).convert("RGB")
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    noise.save(file, kind, exif=exif) if kind != "GIF" else noise.save(file, kind)
    outcomes = [await outcome(decoders, mutated(file.getvalue(), chance)) for _ in range(150)]
    assert len(set(outcomes)) > 1
    assert await outcome(decoders, file.getvalue()) == "90"


@pytest.mark.parametrize("name", NAMES)
async def test_no_song_does_anything_but_have_a_picture_or_none(
    decoders: Decoders, name: str
) -> None:
    chance = random.Random(name)
    whole = covered(name, (FRONT_COVER, picture(90)))
    # Of a song, what says where things are stands in front, or behind.
    for _ in range(60):
        await outcome(decoders, mutated(whole[:40_000], chance) + whole[40_000:], SOUND)
    assert await outcome(decoders, whole, SOUND) == "90"


async def test_arbitrary_bytes_are_refused(decoders: Decoders) -> None:
    chance = random.Random(1)
    for length in (0, 1, 15, 16, 100, 100_000):
        for kind in (PICTURE, SOUND):
            assert await outcome(decoders, chance.randbytes(length), kind)
    assert len(processes(decoders)) == 1, "none of which has cost a process"


async def test_who_does_not_answer_in_time_is_replaced(decoders: Decoders) -> None:
    assert await outcome(decoders, picture()) == "128"
    (stuck,) = processes(decoders)
    decoders.seconds = 0.3
    reading, writing = os.pipe()
    with (
        os.fdopen(reading, "rb") as without_end,
        os.fdopen(writing, "wb"),
        pytest.raises(Refused, match="not done in"),
    ):
        await decoders.make(PICTURE, without_end)
    assert processes(decoders) == []
    with pytest.raises(ProcessLookupError):
        os.kill(stuck, 0)
    decoders.seconds = 10
    assert await outcome(decoders, picture()) == "128"


async def test_who_takes_longest_gives_way_to_another_picture(decoders: Decoders) -> None:
    decoders.seconds = 600
    decoders.places = Places(2, 0.2)
    pipes = [os.pipe() for _ in range(3)]
    with contextlib.ExitStack() as stack:
        endless = [stack.enter_context(os.fdopen(reading, "rb")) for reading, _ in pipes]
        for _, writing in pipes:
            stack.enter_context(os.fdopen(writing, "wb"))
        stuck = [asyncio.create_task(decoders.make(PICTURE, each)) for each in endless]
        await asyncio.sleep(0)
        assert await outcome(decoders, picture()) == "128"
        assert sum(isinstance(one.exception(), TimeoutError) for one in stuck if one.done()) == 2
        await end(stuck)


async def test_a_process_that_dies_takes_nothing_with_it(decoders: Decoders) -> None:
    assert await outcome(decoders, picture()) == "128"
    (first,) = processes(decoders)
    os.kill(first, 9)
    assert "no decoder survived it" in await outcome(decoders, picture())
    assert await outcome(decoders, picture()) == "128"


async def test_a_process_serves_for_a_while_and_is_then_replaced(decoders: Decoders) -> None:
    assert await outcome(decoders, picture()) == "128"
    (first,) = decoders._idle
    first.made = PICTURES_EACH - 2
    assert await outcome(decoders, picture()) == "128"
    assert decoders._idle == [first]
    assert await outcome(decoders, picture()) == "128"
    assert decoders._idle == []


async def test_few_decode_at_once(decoders: Decoders) -> None:
    outcomes = await asyncio.gather(*(outcome(decoders, picture()) for _ in range(10)))
    assert outcomes == ["128"] * 10
    assert len(processes(decoders)) <= 2


async def test_memory_is_bounded(decoders: Decoders) -> None:
    """A chunk of text in a PNG that says it has two gigabytes, and has them."""
    data = picture()
    head = data[:33] + (2 << 30).to_bytes(4) + b"tEXt"
    with on_disk(head) as file:
        os.truncate(file.fileno(), 3 << 30)
        with pytest.raises(Refused):
            await decoders.make(PICTURE, file)
    assert await outcome(decoders, data) == "128"


CONFINED = """
import os, resource, sys
from appview.pictures import decoder
decoder.confine()
sound = 0
for attempt in (
    lambda: bytearray(1 << 30),
    lambda: os.write(os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY), b"x"),
    lambda: [os.dup(0) for _ in range(2)] and os.open("/dev/null", os.O_RDONLY),
):
    try:
        attempt()
    except (MemoryError, OSError):
        sound += 1
os._exit(sound)
"""


def test_a_decoder_can_neither_write_nor_grow_nor_open_much(tmp_path: object) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CONFINED, f"{tmp_path}/file"], check=False, env=dict(os.environ)
    )
    assert ended.returncode == 3


def test_the_server_never_imports_what_decodes_pictures() -> None:
    code = "import sys, appview.cli; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_who_leaves_while_a_process_starts_leaves_none_behind() -> None:
    async def leave() -> None:
        starting = asyncio.create_task(start(PROCESS))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await end([starting])
        assert starting.cancelled()

    await asyncio.to_thread(asyncio.run, leave())  # a loop that ends with its threads
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of what is asked for
        gc.collect()
    assert not subprocess._active  # type: ignore[attr-defined]  # those that nobody has ended
