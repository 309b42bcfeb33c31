"""atproto-accept-labelers: whatever a caller sends, some of the trusted labelers or a refusal."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexicons.syntax import Did
from tests.indexer.mutated import BOUNDED
from xrpc.errors import XrpcError
from xrpc.labelers import ACCEPT, accepted, content_labelers

KIND, STRICT = Did("did:plc:kind"), Did("did:plc:strict")
TRUSTED = (KIND, STRICT)


def asked(*values: str) -> tuple[Did, ...]:
    return accepted(TRUSTED, [(ACCEPT, value.encode("latin-1")) for value in values])


def test_who_says_nothing_takes_all() -> None:
    assert accepted(TRUSTED, [(b"accept", b"did:plc:kind")]) == TRUSTED
    assert asked("") == ()


def test_headers_that_are_repeated_are_one_list_in_any_order() -> None:
    for values in permutations([KIND, f"{STRICT};redact", "did:web:x.test; redact=?0", " "]):
        assert asked(*values) == asked(",".join(values)) == TRUSTED
    assert asked(STRICT, "did:web:x.test") == (STRICT,)


@pytest.mark.parametrize(
    "wrong",
    ["x", f"{KIND};", f"{KIND};;redact", f"{KIND} {STRICT}", f"{KIND};Redact", f"{KIND};a=b c"],
)
def test_what_is_no_list_of_labelers_is_refused(wrong: str) -> None:
    with pytest.raises(XrpcError) as refused:
        asked(STRICT, wrong)
    assert refused.value.status == 400


@BOUNDED
@given(
    st.lists(st.sampled_from([KIND, ";redact", ";", ",", " " * 9_000, "=", "a", "?1"]), max_size=9)
    | st.text(st.characters(max_codepoint=255), max_size=99)
)
def test_any_header_is_understood_or_refused(parts: list[str] | str) -> None:
    try:
        found = asked("".join(parts))
    except XrpcError as error:
        assert error.status == 400
    else:
        assert set(found) <= set(TRUSTED)


def test_what_is_given_is_named() -> None:
    assert content_labelers(()) == []
    assert content_labelers(TRUSTED) == [
        (b"atproto-content-labelers", b"did:plc:kind;redact, did:plc:strict;redact")
    ]
