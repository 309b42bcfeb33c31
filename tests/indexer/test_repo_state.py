"""The life of a repo, by the table in ARCHITECTURE.md."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.events import VerifiedCommit, VerifiedSync
from indexer.repo_state import (
    QueueSizes,
    RepoState,
    State,
    Verdict,
    follow_commit,
    follow_sync,
    is_stale,
)
from lexicons.syntax import Did, Tid

DID = Did("did:plc:ewvi7nxzyoun6zhxrhs64oiz")
OURS = frozenset({"fm.plyr.track", "fm.plyr.like"})
FIRST, SECOND, THIRD = (Tid(f"3kaaaaaaaaa{n}2") for n in "bcd")
TREE, NEXT_TREE, OTHER_TREE = b"tree", b"next tree", b"other tree"

HERE = RepoState(DID, State.SYNCHRONIZED, SECOND, TREE, walked=frozenset({"fm.plyr.track"}))
NEXT = VerifiedCommit(
    did=DID,
    rev=THIRD,
    since=SECOND,
    data=NEXT_TREE,
    prev_data=TREE,
    commit=b"commit",
    ops=(),
    complete_history=False,
    legacy=False,
)
SYNC = VerifiedSync(DID, THIRD, TREE, b"commit")


def follow(repo: RepoState | None, commit: VerifiedCommit) -> tuple[Verdict, RepoState]:
    return follow_commit(repo, commit, OURS)


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 99)),
    st.lists(st.tuples(st.sampled_from("abcd"), st.none() | st.integers(0, 99)), max_size=30),
)
def test_the_total_of_all_queues_is_their_sum(held: dict[str, int], then: list[Any]) -> None:
    sizes = QueueSizes({Did(did): size for did, size in held.items()})
    for did, size in then:
        if size is None:
            sizes.pop(did, None)
        else:
            sizes[did] = size
        assert sizes.total == sum(sizes.values())


def test_a_commit_onto_what_is_here_chains() -> None:
    verdict, after = follow(HERE, NEXT)
    assert verdict is Verdict.CHAINED
    assert after == replace(HERE, rev=THIRD, data=NEXT_TREE)


def test_case_40_another_tree_before_calls_for_a_walk() -> None:
    verdict, after = follow(HERE, replace(NEXT, prev_data=OTHER_TREE))
    assert (verdict, after.state) == (Verdict.BROKEN, State.DESYNCHRONIZED)
    assert after.reason == f"prevData of {THIRD} is not the tree of {SECOND}"


@pytest.mark.parametrize("since", [FIRST, None])
def test_case_41_another_rev_before_calls_for_a_walk(since: Tid | None) -> None:
    verdict, after = follow(HERE, replace(NEXT, since=since))
    assert (verdict, after.state) == (Verdict.BROKEN, State.DESYNCHRONIZED)
    assert after.reason == f"since of {THIRD} is {since}, not {SECOND}"


@pytest.mark.parametrize("prev_data", [None, TREE], ids=["no prevData", "no prev of an op"])
def test_case_42_a_legacy_commit_calls_for_a_walk(prev_data: bytes | None) -> None:
    """It was not undone, so nothing shows what its list of ops leaves out."""
    verdict, after = follow(HERE, replace(NEXT, prev_data=prev_data, legacy=True))
    assert (verdict, after.state) == (Verdict.BROKEN, State.DESYNCHRONIZED)
    assert after.reason == f"{THIRD} came without prevData, or without the prev of an op"


def test_a_broken_chain_keeps_the_rev_up_to_which_all_is_here() -> None:
    _, after = follow(HERE, replace(NEXT, prev_data=OTHER_TREE))
    assert (after.rev, after.data, after.walked) == (SECOND, TREE, HERE.walked)


def test_case_44_a_newcomer_without_a_past_is_here_at_once() -> None:
    first = replace(NEXT, since=None, prev_data=None, complete_history=True)
    assert follow(None, first) == (
        Verdict.COMPLETE,
        RepoState(DID, State.SYNCHRONIZED, THIRD, NEXT_TREE, walked=OURS),
    )


@pytest.mark.parametrize("state", [State.SYNCHRONIZED, State.DESYNCHRONIZED])
def test_a_commit_onto_an_empty_tree_takes_nothing_away_from_what_is_held(state: State) -> None:
    onto_nothing = replace(NEXT, prev_data=None, since=None, complete_history=True)
    verdict, after = follow(replace(HERE, state=state), onto_nothing)
    assert (verdict, after.state) == (Verdict.BROKEN, State.DESYNCHRONIZED)


def test_case_70_a_newcomer_with_a_past_is_walked() -> None:
    verdict, after = follow(None, NEXT)
    assert (verdict, after.state) == (Verdict.BROKEN, State.DESYNCHRONIZED)
    assert after.rev is None


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("rev", [FIRST, SECOND])
def test_case_37_38_what_is_not_newer_is_stale(state: State, rev: Tid) -> None:
    repo = replace(HERE, state=state)
    assert follow(repo, replace(NEXT, rev=rev)) == (Verdict.STALE, repo)
    assert follow_sync(repo, replace(SYNC, rev=rev)) == (Verdict.STALE, repo)


def test_before_the_first_rev_nothing_is_stale() -> None:
    assert not is_stale(None, FIRST)
    assert not is_stale(replace(HERE, rev=None), FIRST)


@pytest.mark.parametrize("state", [State.DESYNCHRONIZED, State.WAITING, State.GONE])
def test_a_commit_does_not_mend_what_is_missing(state: State) -> None:
    repo = replace(HERE, state=state, reason="why")
    assert follow(repo, NEXT) == (
        Verdict.BROKEN,
        replace(repo, state=State.DESYNCHRONIZED),
    )


def test_case_58_nothing_moves_a_repo_during_its_walk() -> None:
    repo = replace(HERE, state=State.RESYNCING)
    assert follow(repo, NEXT) == (Verdict.DURING_WALK, repo)
    assert follow_sync(repo, SYNC) == (Verdict.DURING_WALK, repo)


def test_case_55_a_sync_to_the_same_tree_moves_the_rev() -> None:
    assert follow_sync(HERE, SYNC) == (Verdict.CHAINED, replace(HERE, rev=THIRD))


def test_case_54_a_sync_to_another_tree_calls_for_a_walk() -> None:
    verdict, after = follow_sync(HERE, replace(SYNC, data=OTHER_TREE))
    assert (verdict, after.state) == (Verdict.BROKEN, State.DESYNCHRONIZED)
    assert (after.rev, after.data) == (SECOND, TREE)


@pytest.mark.parametrize("state", [State.DESYNCHRONIZED, State.GONE])
def test_a_sync_to_the_same_tree_does_not_mend_what_is_missing(state: State) -> None:
    verdict, after = follow_sync(replace(HERE, state=state), SYNC)
    assert (verdict, after.state) == (Verdict.BROKEN, State.DESYNCHRONIZED)
