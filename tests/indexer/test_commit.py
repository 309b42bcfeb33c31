import contextlib
from typing import Any

import pytest
from hypothesis import given

from indexer.events import Reason, Rejected
from indexer.repo.commit import SignedCommit, parse_signed_commit
from tests.indexer.mutated import BOUNDED, hostile
from tests.indexer.signed_repo import DID, make_repo, public_key
from tests.network.encoding import dag_cbor, from_dag_cbor, link_to
from tests.network.keys import Curve, SigningKey
from xrpc.keys import parse_multikey

TREE = link_to(b"tree")
FIELDS: dict[str, Any] = {
    "did": DID,
    "version": 3,
    "data": TREE,
    "rev": "3jzfcijpj2z2a",
    "prev": None,
    "sig": bytes(64),
}


def parse(**fields: object) -> SignedCommit:
    return parse_signed_commit(dag_cbor({**FIELDS, **fields}))


def without(name: str) -> dict[str, Any]:
    return {field: value for field, value in FIELDS.items() if field != name}


def reason_of(block: bytes) -> Reason:
    with pytest.raises(Rejected) as caught:
        parse_signed_commit(block)
    return caught.value.reason


def test_a_commit_gives_its_fields_and_what_was_signed() -> None:
    commit = parse(prev=TREE)
    assert (commit.did, commit.rev, commit.data) == (DID, "3jzfcijpj2z2a", TREE.raw)
    assert (commit.prev, commit.signature) == (TREE.raw, bytes(64))
    assert commit.unsigned == dag_cbor({**without("sig"), "prev": TREE})
    assert parse().prev is None


def test_unknown_fields_are_part_of_what_was_signed() -> None:
    extra = {"a": {"deep": [1, TREE]}, "zebra": "x", "siga": b"csigX@" + bytes(64)}
    assert parse(**extra).unsigned == dag_cbor({**without("sig"), **extra})


@pytest.mark.parametrize("curve", ["k256", "p256"])
def test_the_signature_of_the_unsigned_bytes_is_the_account_s(curve: Curve) -> None:
    repo = make_repo(curve=curve)
    repo.commit()
    commit = parse_signed_commit(repo.head_block)
    assert public_key(repo).verify(commit.signature, commit.unsigned, low_s=True)
    assert commit.unsigned == dag_cbor({k: v for k, v in repo.signed.items() if k != "sig"})


@pytest.mark.parametrize(
    "fields",
    [
        {"version": 2},
        {"version": 4},
        {"version": "3"},
        {"version": None},
        {"data": None},
        {"data": "bafy"},
        {"data": TREE.raw},
        {"data": link_to(b"", codec=0x55)},
        {"prev": False},
        {"prev": link_to(b"", codec=0x55)},
        {"did": "did:plc"},
        {"did": 5},
        {"rev": "not-a-tid"},
        {"rev": None},
        {"padding": "x" * 9000},
    ],
)
def test_a_commit_with_a_wrong_field_is_malformed(fields: dict[str, object]) -> None:
    assert reason_of(dag_cbor({**FIELDS, **fields})) is Reason.MALFORMED_COMMIT


@pytest.mark.parametrize("field", ["did", "version", "data", "rev", "prev"])
def test_a_commit_without_a_field_is_malformed(field: str) -> None:
    assert reason_of(dag_cbor(without(field))) is Reason.MALFORMED_COMMIT


@pytest.mark.parametrize("signature", [None, "text", b"", bytes(63), bytes(65)])
def test_a_signature_is_64_bytes(signature: object) -> None:
    assert reason_of(dag_cbor({**FIELDS, "sig": signature})) is Reason.BAD_SIGNATURE
    assert reason_of(dag_cbor(without("sig"))) is Reason.BAD_SIGNATURE


def test_bytes_that_could_have_been_written_shorter_are_malformed() -> None:
    good = dag_cbor(FIELDS)
    assert parse_signed_commit(good).did == DID
    for bad in (
        b"",
        b"\xf6",
        dag_cbor([FIELDS]),
        good + b"\xf6",
        b"\xb8\x06" + good[1:],
        good.replace(b"gversion\x03", b"gversion\x18\x03"),
        good.replace(b"gversion\x03", b"gversion\xfb" + b"\x40\x08" + bytes(6)),
    ):
        assert reason_of(bad) is Reason.MALFORMED_COMMIT


KEY = SigningKey()
SIGNED = dag_cbor({**FIELDS, "sig": KEY.sign(dag_cbor(without("sig")))})


@given(hostile([SIGNED]))
@BOUNDED
def test_any_bytes_are_rejected_or_a_commit_that_only_its_own_bytes_prove(block: bytes) -> None:
    with contextlib.suppress(Rejected):
        commit = parse_signed_commit(block)
        fields = from_dag_cbor(block)
        assert fields.pop("sig") == commit.signature
        assert dag_cbor(fields) == commit.unsigned
        key = parse_multikey(KEY.multikey)
        is_proven = key.verify(commit.signature, commit.unsigned, low_s=True)
        assert is_proven == (block == SIGNED)
