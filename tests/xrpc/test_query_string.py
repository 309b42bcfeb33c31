"""Query strings that are no text, or too much of it."""

import pytest

from tests.xrpc.methods import CATALOG, GET
from xrpc.errors import XrpcError
from xrpc.query_string import MAX_PARAMS, read_params

METHOD = CATALOG.methods[GET]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (b"q=%00", "q: holds U+0000"),
        (b"q=a%00b", "q: holds U+0000"),
        (b"q=%ff", "q: is not UTF-8"),
        (b"q=\xe9", "q: is not UTF-8"),
        (b"q=%ed%a0%80", "q: is not UTF-8"),
        (b"q=a&x=%ff", "x: is not UTF-8"),
        (b"q=a&x%ff=1", "x\\udcff: is not UTF-8"),
        (b"&".join([b"a"] * (MAX_PARAMS + 1)), "more than"),
    ],
)
def test_what_is_no_text_is_refused_by_name(query: bytes, message: str) -> None:
    with pytest.raises(XrpcError) as refused:
        read_params(METHOD, query)
    assert (refused.value.status, refused.value.name) == (400, "InvalidRequest")
    assert refused.value.message.startswith(message)
    assert refused.value.envelope


def test_text_of_any_script_is_read() -> None:
    query = "q=%E5%A4%9C+bus%20%C3%A9"
    assert read_params(METHOD, query.encode())["q"] == "夜 bus é"
