"""Bugs in walks: what they find, what they believe, what they delete."""

from tests.mutants.mutant import Mutant

RESYNC = "tests/network/test_resync.py"
COMMAND = "tests/commands/test_resync.py"

WALKS = (
    Mutant(
        name="truncated-walk-deletes",
        file="indexer/walks.py",
        old='raise Truncated(f"{len(missing)} nodes did not come, first {cid_text(missing[0])}")',
        new="break",
        breaks="records in nodes that did not come are deleted",
        tests=(
            "tests/indexer/test_walks.py::test_case_64_a_walk_that_lacks_any_node_on_its_way_is_none",
        ),
    ),
    Mutant(
        name="older-root-walked",
        file="indexer/walks.py",
        old="    if not_before is not None and root.rev < not_before:",
        new="    if False:",
        breaks="a host's backup of yesterday undoes today",
        tests=(
            "tests/indexer/test_walks.py::test_case_65_an_older_root_is_refused_and_an_equal_one_is_not",
        ),
    ),
    Mutant(
        name="deletions-unfound",
        file="indexer/resync.py",
        old="        vanished = [path for path in known if path not in walked.entries]",
        new="        vanished: list[Place] = []",
        breaks="what was deleted while we were away is shown for ever",
        tests=(
            f"{RESYNC}::test_case_54_a_sync_with_other_data_brings_creates_updates_and_deletes",
        ),
    ),
    Mutant(
        name="updates-unfound",
        file="indexer/resync.py",
        old="if known.get(path) != cid_text(cid)",
        new="if path not in known",
        breaks="what was edited while we were away stays as it was",
        tests=(
            f"{RESYNC}::test_case_54_a_sync_with_other_data_brings_creates_updates_and_deletes",
        ),
    ),
    Mutant(
        name="walk-with-an-old-key",
        file="indexer/resync.py",
        old="            if error.reason is not Reason.BAD_SIGNATURE:",
        new="            if True:",
        breaks="a walk after a key rotation fails until the key's age is up",
        tests=("tests/indexer/test_resync.py::test_a_walk_that_meets_a_new_key_looks_it_up",),
    ),
    Mutant(
        name="queue-unchained-after-a-walk",
        file="indexer/draining.py",
        old="            steps = pipeline.follow_queue(did, queue, is_whole=is_whole)",
        new="            steps = pipeline.follow_queue(did, [], is_whole=True)",
        breaks="what came during the walk is not followed",
        tests=(
            "tests/indexer/test_resync.py::test_case_58_a_commit_that_came_during_a_walk_is_chained_to_its_end",
        ),
    ),
    Mutant(
        name="repos-never-in-full",
        file="indexer/resync.py",
        old="            if not in_full and await self._is_unchanged(source):",
        new="            if await self._is_unchanged(source):",
        breaks="an operator's resync believes what it should check",
        tests=(f"{COMMAND}::test_resync_walks_a_repo_whose_rev_has_not_moved",),
    ),
    Mutant(
        name="no-car-where-no-blocks",
        file="indexer/resync.py",
        old="            if not error.is_not_served or error.error in NOT_HOSTED:",
        new="            if True:",
        breaks="repos of hosts without getBlocks are never complete",
        tests=(f"{RESYNC}::test_case_59_a_whole_repository_is_fetched_by_way_of_the_relay",),
    ),
    Mutant(
        name="discovery-stops-at-one-page",
        file="indexer/discovery.py",
        old="        if not _is_cursor(following) or following == cursor:",
        new="        if True:",
        breaks="only the first page of repos is ever backfilled",
        tests=(
            "tests/network/test_discovery.py::"
            "test_case_69_everyone_who_holds_our_records_is_found_page_by_page",
        ),
    ),
)
