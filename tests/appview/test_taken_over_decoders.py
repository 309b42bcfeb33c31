"""A decoder that its picture has taken over: what it answers is a stranger's bytes, too."""

import asyncio
import io
import socket
import struct
import subprocess
import tempfile
from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appview.confined import Confined
from appview.pictures.decoders import Decoder, Decoders
from appview.pictures.protocol import (
    HEAD,
    MAX_ANSWER_BYTES,
    PICTURE,
    REASON_BYTES,
    SIDES,
    START_OF_FRAME,
    Refused,
    Untrue,
    size_of,
)
from appview.pictures.render import render
from tests.appview.covers import picture

FULL, MEDIUM, THUMB = render(io.BytesIO(picture(2_000, kind="JPEG"))).values()


@pytest.fixture(scope="module")
def ended() -> "subprocess.Popen[bytes]":
    """The process of decoders whose end of the socket is ours."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process


Makes = Callable[[bytes], dict[str, bytes]]


@pytest.fixture(scope="module")
def makes(ended: "subprocess.Popen[bytes]") -> Makes:
    def makes(answer: bytes) -> dict[str, bytes]:
        return asyncio.run(_makes(answer, ended))

    return makes


async def _makes(answer: bytes, ended: "subprocess.Popen[bytes]") -> dict[str, bytes]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    decoders = Decoders()
    decoder = Decoder(Confined(ended, ours))
    decoders._idle.append(decoder)
    with theirs, tempfile.TemporaryFile() as file:
        theirs.setblocking(False)
        telling = asyncio.create_task(_tell(theirs, answer))
        try:
            return await decoders.make(PICTURE, file)
        except Refused as refused:
            assert len(str(refused)) <= REASON_BYTES + 100
            assert "survived" not in str(refused) or decoders._idle == []
            raise
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            await decoders.close()


async def _tell(theirs: socket.socket, answer: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(theirs, answer)
    theirs.shutdown(socket.SHUT_WR)


def saying(parts: Sequence[bytes], *, is_picture: bool = True) -> bytes:
    return HEAD.pack(is_picture, *map(len, parts)) + b"".join(parts)


def test_pictures_come_as_they_were_made(makes: Makes) -> None:
    made = makes(saying([FULL, MEDIUM, THUMB]))
    assert made == dict(zip(SIDES, (FULL, MEDIUM, THUMB), strict=True))
    assert [max(size_of(each)) for each in made.values()] == list(SIDES.values())


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        saying([FULL, MEDIUM, THUMB])[:-1],
        saying([FULL, MEDIUM, b""]),
        saying([FULL, MEDIUM, b"<script>"]),
        saying([FULL, FULL, THUMB]),
        saying([FULL, MEDIUM, picture(90, kind="PNG")]),
        HEAD.pack(True, MAX_ANSWER_BYTES, 1, 0) + bytes(100),
        HEAD.pack(True, *[2**32 - 1] * 3),
        HEAD.pack(False, REASON_BYTES + 1, 0, 0) + b"x" * 400,
        HEAD.pack(False, 0, 2**32 - 1, 0),
    ],
    ids=[
        "none", "all but one byte", "an empty one", "a page", "too large a one", "a png",
        "one byte too many", "more than there is", "a reason too long", "a reason elsewhere",
    ],
)  # fmt: skip
def test_what_no_decoder_of_ours_says_ends_it(makes: Makes, answer: bytes) -> None:
    with pytest.raises(Refused, match="no decoder survived it"):
        makes(answer)


def test_a_reason_need_not_be_text(makes: Makes) -> None:
    with pytest.raises(Refused) as refused:
        makes(saying([b"\xff\xfe\0", b"", b""], is_picture=False))
    assert str(refused.value) == "\ufffd\ufffd\0"


ANSWERS = st.binary(max_size=200) | st.builds(
    lambda is_picture, lengths, rest: HEAD.pack(is_picture, *lengths) + rest,
    st.booleans(),
    st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 50), min_size=3, max_size=3),
    st.binary(max_size=200),
)


@given(answer=ANSWERS)
def test_no_answer_does_anything_but_refuse(makes: Makes, answer: bytes) -> None:
    with pytest.raises(Refused):
        makes(answer)


@given(st.binary(max_size=2_000), st.integers(0, 40))
@example(bytes(60_000), 0)
@example(b"\xff\xd8" + b"\xff\xe0\0\0" * 10_000, 0)
def test_bytes_have_the_size_of_a_picture_or_none(after: bytes, segments: int) -> None:
    jpeg = b"\xff\xd8" + b"\xff\xe0\0\x02" * segments + after
    try:
        width, height = size_of(jpeg)
    except Untrue:
        return
    assert START_OF_FRAME in jpeg
    assert struct.pack("!HH", height, width) in jpeg
