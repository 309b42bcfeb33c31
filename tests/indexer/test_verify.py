"""The checks of a commit, by the numbers of the conformance checklist."""

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings

from indexer.events import Commit, Reason, Rejected, Sync, VerifiedCommit, VerifiedRoot
from indexer.frames import decode_frame
from indexer.repo.node import EMPTY_TREE
from indexer.verify import verify_commit, verify_root, verify_sync
from lexicons.syntax import Did
from tests.indexer.mutated import BOUNDED, mutated
from tests.indexer.recording import recording
from tests.indexer.signed_repo import (
    create,
    decoded,
    delete,
    make_commit,
    make_commit_frame,
    make_repo,
    public_key,
    soon,
    update,
)
from tests.network import lies
from tests.network.encoding import car, dag_cbor, link_to, tid
from tests.network.keys import Curve, SigningKey
from tests.network.repo import CommitEvent, Repo, Write
from tests.support import least_cpu_seconds
from xrpc.keys import parse_verification_key

TRACK = "fm.plyr.track"
OURS = frozenset({TRACK, "fm.plyr.like"})
POSTS = [f"app.bsky.feed.post/{n:04d}" for n in range(120)]


def path(n: int) -> str:
    return f"{TRACK}/{tid(1_700_000_000_000_000 + n)}"


@pytest.fixture
def repo() -> Repo:
    return a_repo()


def a_repo() -> Repo:
    """With a history, so that what is tested is not the first commit."""
    repo = make_repo()
    repo.commit([create(post) for post in POSTS] + [create(path(n)) for n in range(20)])
    return repo


def verify(event: Commit, repo: Repo) -> VerifiedCommit:
    return verify_commit(event, public_key(repo), collections=OURS, now=soon())


def reason_of(event: CommitEvent | Commit, repo: Repo) -> Reason:
    with pytest.raises(Rejected) as caught:
        verify(event if isinstance(event, Commit) else decoded(event), repo)
    return caught.value.reason


def a_commit(repo: Repo) -> CommitEvent:
    return repo.commit([create(path(100)), update(path(1), {"$type": TRACK}), delete(path(2))])


def test_a_right_commit_is_proven_with_the_records_of_our_collections(repo: Repo) -> None:
    rev, data = repo.rev, repo.data
    record = {"$type": TRACK, "title": "x"}
    event = make_commit(repo, create(path(100), record), delete(path(2)), create("a.b.c/x"))
    proven = verify(event, repo)
    assert (proven.did, proven.rev, proven.since) == (repo.did, repo.rev, rev)
    assert (proven.data, proven.prev_data) == (repo.data.raw, data.raw)
    assert proven.commit == repo.head.raw
    assert not proven.complete_history
    assert not proven.legacy
    created, deleted = proven.ops
    assert (created.collection, f"{TRACK}/{created.rkey}") == (TRACK, path(100))
    assert (created.action, created.value) == ("create", dag_cbor(record))
    assert created.cid == link_to(dag_cbor(record)).raw
    assert (deleted.action, deleted.cid, deleted.value) == ("delete", None, None)


def test_case_19_a_commit_of_other_collections_is_proven_and_empty(repo: Repo) -> None:
    assert verify(make_commit(repo, create("app.bsky.feed.post/x")), repo).ops == ()


def test_case_20_an_empty_commit_is_proven(repo: Repo) -> None:
    before = repo.data
    proven = verify(make_commit(repo), repo)
    assert (proven.ops, proven.data, proven.prev_data) == ((), before.raw, before.raw)


def test_an_empty_commit_need_not_carry_the_tree(repo: Repo) -> None:
    event = repo.commit()
    alone = replace(event, blocks={repo.head: repo.head_block})
    assert verify(decoded(alone), repo).data == repo.data.raw


def test_case_21_a_bad_signature_is_rejected(repo: Repo) -> None:
    assert reason_of(lies.bad_signature(a_commit(repo)), repo) is Reason.BAD_SIGNATURE


def test_a_signature_of_another_commit_is_rejected(repo: Repo) -> None:
    first, second = a_commit(repo), repo.commit()
    event = second.with_commit(second.signed, first.signed["sig"])
    assert reason_of(event, repo) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("curve", ["k256", "p256"])
def test_case_23_a_high_s_signature_is_rejected(curve: Curve) -> None:
    repo = make_repo(curve=curve)
    assert reason_of(lies.high_s(repo.commit()), repo) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("curve", ["k256", "p256"])
def test_case_24_a_der_signature_is_rejected(curve: Curve) -> None:
    repo = make_repo(curve=curve)
    assert reason_of(lies.der_signature(repo.commit()), repo) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("curve", ["k256", "p256"])
def test_case_25_both_curves_are_accepted(curve: Curve) -> None:
    repo = make_repo(curve=curve)
    assert verify(make_commit(repo, create(path(1))), repo).rev == repo.rev


def test_case_26_a_commit_of_another_did_is_rejected(repo: Repo) -> None:
    assert reason_of(lies.other_did(a_commit(repo)), repo) is Reason.WRONG_DID


def test_case_27_a_commit_of_another_rev_is_rejected(repo: Repo) -> None:
    event = lies.other_rev(repo.clock.next())(a_commit(repo))
    assert reason_of(event, repo) is Reason.WRONG_REV


def test_case_28_a_root_other_than_the_commit_is_rejected(repo: Repo) -> None:
    assert reason_of(lies.other_root(a_commit(repo)), repo) is Reason.WRONG_ROOT
    assert reason_of(replace(a_commit(a_repo()), roots=()), repo) is Reason.WRONG_ROOT
    told = a_commit(a_repo()).saying(commit=link_to(b"another"))
    assert reason_of(told, repo) is Reason.WRONG_ROOT


def test_case_29_a_missing_root_block_is_rejected(repo: Repo) -> None:
    assert reason_of(lies.missing_root(a_commit(repo)), repo) is Reason.WRONG_ROOT


def test_case_30_a_block_that_does_not_match_its_cid_is_rejected(repo: Repo) -> None:
    assert reason_of(lies.wrong_block(a_commit(repo)), repo) is Reason.HASH_MISMATCH


def test_case_31_an_op_cid_that_the_tree_does_not_hold_is_rejected(repo: Repo) -> None:
    reason = reason_of(lies.wrong_op_cid(a_commit(repo)), repo)
    assert reason is Reason.OP_MISMATCH
    assert reason.is_after_signature


@pytest.mark.parametrize("hidden", [create(path(101)), delete(path(3)), update(path(4), {"n": 1})])
def test_case_32_an_op_left_out_of_the_list_is_noticed(repo: Repo, hidden: Write) -> None:
    event = repo.commit([create(path(100)), hidden])
    reason = reason_of(lies.hidden_op(event), repo)
    assert reason is Reason.INVERSION_MISMATCH
    assert reason.is_after_signature


def test_an_op_that_did_not_happen_is_noticed(repo: Repo) -> None:
    event = repo.commit([create(path(100))])
    never = {"action": "delete", "path": path(101), "cid": None, "prev": link_to(b"never")}
    told = event.saying(ops=[*event.payload["ops"], never])
    assert reason_of(told, repo) in {Reason.INVERSION_MISMATCH, Reason.PARTIAL_TREE}


def test_a_wrong_prev_is_noticed(repo: Repo) -> None:
    for write in (update(path(1), {"n": 2}), delete(path(2))):
        assert reason_of(lies.wrong_prev(repo.commit([write])), repo) is Reason.INVERSION_MISMATCH


def test_another_tree_before_is_noticed(repo: Repo) -> None:
    assert reason_of(lies.other_prev_data(a_commit(repo)), repo) is Reason.INVERSION_MISMATCH


def test_a_commit_that_carries_too_little_of_the_tree_is_rejected(repo: Repo) -> None:
    reason = reason_of(lies.without_proof(a_commit(repo)), repo)
    assert reason is Reason.PARTIAL_TREE
    assert reason.is_after_signature


def test_a_record_that_is_not_in_the_commit_is_rejected(repo: Repo) -> None:
    assert reason_of(lies.without_record(repo.commit([create(path(100))])), repo) is (
        Reason.MISSING_RECORD
    )
    foreign = lies.without_record(repo.commit([create("app.bsky.feed.post/x")]))
    assert verify(decoded(foreign), repo).ops == ()


def test_case_36_a_record_of_1_048_577_bytes_is_rejected(repo: Repo) -> None:
    fits, too_large = b"x" * 1_048_576, b"x" * 1_048_577
    assert verify(make_commit(repo, create(path(100), fits)), repo).ops[0].value == fits
    event = make_commit(repo, create(path(101), too_large))
    assert reason_of(event, repo) is Reason.OVERSIZE_RECORD
    assert verify(make_commit(repo, create("app.bsky.feed.post/x", too_large)), repo).ops == ()


def test_case_39_a_rev_six_minutes_ahead_is_rejected_and_four_are_not(repo: Repo) -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    for minutes, is_refused in ((6, True), (4, False)):
        ahead = now + timedelta(minutes=minutes)
        event = make_commit(repo, rev=tid(int(ahead.timestamp() * 1_000_000)))
        with pytest.raises(Rejected) if is_refused else contextlib.nullcontext() as caught:
            verify_commit(event, public_key(repo), collections=OURS, now=now)
        assert caught is None or caught.value.reason is Reason.FUTURE_REV


def test_case_42_without_prev_data_inclusion_is_all_that_is_proven(repo: Repo) -> None:
    proven = verify(decoded(lies.no_prev_data(a_commit(repo))), repo)
    assert proven.legacy
    assert not proven.complete_history
    assert [op.action for op in proven.ops] == ["create", "update", "delete"]


def test_case_42_a_legacy_commit_of_creates_alone_is_known_by_its_since(repo: Repo) -> None:
    proven = verify(decoded(lies.no_prev_data(repo.commit([create(path(100))]))), repo)
    assert proven.legacy
    assert not proven.complete_history


def test_case_42_an_op_without_prev_makes_the_commit_a_legacy_one(repo: Repo) -> None:
    event = repo.commit([delete(path(2))])
    op = {"action": "delete", "path": path(2), "cid": None}
    assert verify(decoded(event.saying(ops=[op])), repo).legacy


def test_a_legacy_commit_must_still_hold_what_it_says(repo: Repo) -> None:
    event = lies.wrong_op_cid(lies.no_prev_data(repo.commit([create(path(100))])))
    assert reason_of(event, repo) is Reason.OP_MISMATCH
    event = lies.no_prev_data(repo.commit([delete(path(2))]))
    never_gone = {"action": "delete", "path": path(3), "cid": None}
    assert reason_of(event.saying(ops=[never_gone]), repo) in {
        Reason.OP_MISMATCH,
        Reason.PARTIAL_TREE,
    }


def test_case_43_flags_of_old_change_nothing(repo: Repo) -> None:
    assert len(verify(decoded(lies.old_flags(a_commit(repo))), repo).ops) == 3


def test_case_44_a_first_commit_is_undone_to_the_empty_tree() -> None:
    repo = make_repo()
    first = verify(make_commit(repo, create(path(1)), create(path(2))), repo)
    assert first.complete_history
    assert (first.since, first.prev_data, len(first.ops)) == (None, None, 2)


def test_case_44_a_first_commit_that_hides_a_record_is_rejected() -> None:
    repo = make_repo()
    event = lies.hidden_op(repo.commit([create(path(1)), create(path(2))]))
    assert reason_of(event, repo) is Reason.INVERSION_MISMATCH


def test_a_commit_onto_an_empty_tree_has_a_complete_history() -> None:
    repo = make_repo()
    assert verify(make_commit(repo), repo).complete_history
    second = verify(make_commit(repo, create(path(1))), repo)
    assert (second.prev_data, second.complete_history) == (EMPTY_TREE, True)
    third = verify(make_commit(repo, delete(path(1))), repo)
    assert (third.data, third.complete_history) == (EMPTY_TREE, False)


@pytest.mark.parametrize("length", [21, -1, 2**40, 2**64 - 1])
def test_case_46_a_prefix_that_cannot_be_is_rejected(repo: Repo, length: int) -> None:
    assert reason_of(lies.bad_prefix(length)(a_commit(repo)), repo) is Reason.MALFORMED_TREE


def test_case_47_a_dag_bomb_is_rejected_at_once(repo: Repo) -> None:
    event = decoded(lies.dag_bomb(levels=3)(a_commit(repo)))
    assert reason_of(event, repo) is Reason.MALFORMED_TREE
    assert least_cpu_seconds(lambda: reason_of(event, repo)) < 0.1


def test_case_48_a_chain_of_ten_thousand_nodes_is_rejected(repo: Repo) -> None:
    event = lies.deep_chain(9_000)(a_commit(repo))
    assert reason_of(event, repo) is Reason.MALFORMED_TREE
    assert reason_of(lies.deep_chain(10_000)(a_commit(a_repo())), repo) is Reason.TOO_LARGE


def test_case_49_the_order_of_blocks_and_strangers_among_them_do_not_matter(repo: Repo) -> None:
    event = decode_frame(lies.shuffled(a_commit(repo)).frame(1))
    assert isinstance(event, Commit)
    assert len(verify(event, repo).ops) == 3


def test_a_second_root_does_not_matter(repo: Repo) -> None:
    assert len(verify(decoded(lies.two_roots(a_commit(repo))), repo).ops) == 3


def test_unknown_fields_of_the_signed_commit_are_kept_and_signed(repo: Repo) -> None:
    event = lies.extra_signed_field(a_commit(repo))
    assert len(verify(decoded(event), repo).ops) == 3
    forged = event.with_commit({**event.signed, "zebra": "changed"}, event.signed["sig"])
    assert reason_of(forged, repo) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("odd", [f"{TRACK}/", f"{TRACK}/a/b", f"{TRACK}/.", TRACK])
def test_case_52_an_op_whose_path_is_none_is_dropped_and_its_neighbours_kept(
    repo: Repo, odd: str
) -> None:
    proven = verify(make_commit(repo, create(odd), create(path(100))), repo)
    assert [f"{op.collection}/{op.rkey}" for op in proven.ops] == [path(100)]


@pytest.mark.parametrize("collection", [f"{TRACK}list", f"{TRACK}.draft", "fm.plyr.dev.track"])
def test_R20_a_collection_named_nearly_like_ours_is_not_ours(repo: Repo, collection: str) -> None:
    other = path(1).replace(TRACK, collection)
    proven = verify(make_commit(repo, create(other), create(path(100))), repo)
    assert [f"{op.collection}/{op.rkey}" for op in proven.ops] == [path(100)]


def test_a_sync_is_proven(repo: Repo) -> None:
    event = decode_frame(repo.sync().frame(1))
    assert isinstance(event, Sync)
    proven = verify_sync(event, public_key(repo), now=soon())
    assert proven == VerifiedRoot(event.did, event.rev, repo.data.raw, repo.head.raw)


def test_case_57_a_sync_that_its_owner_did_not_sign_is_rejected(repo: Repo) -> None:
    payload = repo.sync().payload
    other = make_repo("did:plc:" + "a" * 24)
    other.commit([create(path(1))], rev=repo.rev)
    for fields, key, reason in (
        ({}, SigningKey(), Reason.BAD_SIGNATURE),
        ({"did": other.did}, repo.key, Reason.WRONG_DID),
        ({"rev": repo.clock.next()}, repo.key, Reason.WRONG_REV),
        ({"blocks": car([], {})}, repo.key, Reason.WRONG_ROOT),
        ({"blocks": other.sync().payload["blocks"]}, other.key, Reason.WRONG_DID),
    ):
        event = decode_frame(replace(repo.sync(), payload={**payload, **fields}).frame(1))
        assert isinstance(event, Sync)
        with pytest.raises(Rejected) as caught:
            verify_sync(event, public_key(replace(repo, key=key)), now=soon())
        assert caught.value.reason is reason


def test_a_sync_of_the_future_is_rejected(repo: Repo) -> None:
    event = decode_frame(repo.sync().frame(1))
    assert isinstance(event, Sync)
    with pytest.raises(Rejected) as caught:
        verify_sync(event, public_key(repo), now=soon() - timedelta(minutes=6))
    assert caught.value.reason is Reason.FUTURE_REV


def test_a_root_is_proven_by_its_owner_s_key_alone(repo: Repo) -> None:
    did, key = Did(repo.did), public_key(repo)
    assert verify_root(repo.head_block, did, key, now=soon()).data == repo.data.raw
    for reason, block, owner, by, now in (
        (Reason.BAD_SIGNATURE, repo.head_block, did, public_key(make_repo()), soon()),
        (Reason.WRONG_DID, repo.head_block, Did("did:plc:" + "a" * 24), key, soon()),
        (Reason.MALFORMED_COMMIT, dag_cbor({}), did, key, soon()),
        (Reason.FUTURE_REV, repo.head_block, did, key, soon() - timedelta(minutes=6)),
    ):
        with pytest.raises(Rejected) as caught:
            verify_root(block, owner, by, now=now)
        assert caught.value.reason is reason


FUZZED = make_repo()
FUZZED.commit([create(post) for post in POSTS])
GOOD = make_commit(FUZZED, create(path(1)), create("a.b.c/x"))


@given(mutated([GOOD.blocks]))
@settings(BOUNDED, max_examples=300)
def test_mutated_blocks_prove_the_same_or_are_rejected(blocks: bytes) -> None:
    with contextlib.suppress(Rejected):
        proven = verify(replace(GOOD, blocks=blocks), FUZZED)
        assert proven == verify(GOOD, FUZZED)


FRAME = make_commit_frame(FUZZED, create(path(2)))
KEY = public_key(FUZZED)


@given(mutated([FRAME]))
@BOUNDED
def test_a_mutated_frame_is_something_or_rejected(frame: bytes) -> None:
    with contextlib.suppress(Rejected):
        event = decode_frame(frame)
        if isinstance(event, Commit):
            verify_commit(event, KEY, collections=OURS, now=soon())


def test_every_commit_and_sync_of_a_reference_pds_is_proven() -> None:
    recorded = recording()
    keys = {}
    for did, document in recorded.expected["didDocs"].items():
        for method in document["verificationMethod"]:
            if method["id"].endswith("#atproto"):
                key = parse_verification_key(method["type"], method["publicKeyMultibase"])
                keys[did] = key
    data, at, commits, syncs = recorded.frames.read_bytes(), 0, 0, 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4])
        event = decode_frame(data[at + 4 : end])
        at = end
        if isinstance(event, Commit):
            proven = verify_commit(event, keys[event.did], collections=OURS, now=soon())
            commits += not proven.legacy
        elif isinstance(event, Sync):
            syncs += verify_sync(event, keys[event.did], now=soon()).rev == event.rev
    assert (commits, syncs) == (204, 9)
