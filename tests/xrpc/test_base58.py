import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrpc.base58 import decode, encode

# https://datatracker.ietf.org/doc/html/draft-msporny-base58-03#section-5, and the ends.
EXAMPLES = {
    "2NEpo7TZRRrLZSi2U": b"Hello World!",
    "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z": (
        b"The quick brown fox jumps over the lazy dog."
    ),
    "11233QC4": bytes.fromhex("0000287fb4cd"),
    "": b"",
    "1": b"\0",
    "z": b"\x39",
}


@pytest.mark.parametrize(("text", "data"), EXAMPLES.items(), ids=range(len(EXAMPLES)))
def test_the_examples_of_the_draft(text: str, data: bytes) -> None:
    assert encode(data) == text
    assert decode(text) == data


@given(st.binary(max_size=70))
def test_any_bytes_come_back(data: bytes) -> None:
    assert decode(encode(data)) == data


@pytest.mark.parametrize("text", ["0", "O", "I", "l", " 2", "2\n", "é", "\ud800", "2=", "٣"])
def test_other_characters_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no digit"):
        decode(text)
