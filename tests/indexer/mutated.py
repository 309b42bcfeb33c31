"""Bytes that were right once: what finds more in a parser than noise does."""

from collections.abc import Sequence

from hypothesis import settings
from hypothesis import strategies as st

BOUNDED = settings(deadline=2_000)
"""However odd the input, an answer within two seconds, on a busy machine too."""


@st.composite
def mutated(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 40)))
        match draw(st.sampled_from(["set", "cut", "double", "insert", "truncate"])):
            case "set":
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case "cut":
                del data[at:end]
            case "double":
                data[at:at] = data[at:end]
            case "insert":
                data[at:at] = draw(st.binary(max_size=8))
            case _:
                del data[at:]
    return bytes(data)


def hostile(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    return st.binary(max_size=300) | mutated(seeds)
