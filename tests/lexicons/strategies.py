"""Arbitrary data: of the data model, of JSON, and of things that are neither."""

from hypothesis import strategies as st

from lexicons.cid import Cid, cid_from_bytes

TEXT = st.text(max_size=20)
KEYS = TEXT.filter(lambda key: not key.startswith("$"))
INTEGERS = st.integers(-(2**63), 2**63 - 1)


def _cid(codec: int, digest: bytes) -> Cid:
    return cid_from_bytes(bytes((1, codec, 0x12, 32)) + digest)


CIDS = st.builds(_cid, st.sampled_from((0x71, 0x55)), st.binary(min_size=32, max_size=32))
# Bytes that look like a link must stay bytes.
BYTES = st.binary(max_size=40) | CIDS.map(lambda cid: cid.raw)
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | TEXT | BYTES | CIDS,
    lambda values: st.lists(values, max_size=5) | st.dictionaries(KEYS, values, max_size=5),
    max_leaves=20,
)
_ODD_KEYS = TEXT | st.sampled_from(("$type", "$link", "$bytes", "ref", "mimeType", "size"))
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(("blob", "fm.plyr.like", "com.atproto.label.defs#selfLabels"))
    | BYTES
    | CIDS,
    lambda values: st.lists(values, max_size=5) | st.dictionaries(_ODD_KEYS, values, max_size=5),
    max_leaves=20,
)
