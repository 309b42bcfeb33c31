"""Bugs in walks: what they find, what they believe, what they delete."""

from tests.mutants.mutant import Mutant

RESYNC = "tests/network/test_resync.py"
COMMAND = "tests/commands/test_resync.py"
RETRIES = "tests/indexer/test_retries.py"
GAPS = "tests/indexer/test_gaps.py"
WALKED = "tests/indexer/test_resync.py"

WALKS = (
    Mutant(
        name="walk-for-an-hour",
        file="indexer/resync.py",
        old="            for _ in range(workers + 1):\n",
        new="            for _ in range(workers):\n",
        breaks="six hosts that trickle keep every other repo from being walked",
        tests=(f"{WALKED}::test_slow_hosts_however_many_they_are_leave_a_worker_to_others",),
    ),
    Mutant(
        name="truncated-walk-deletes",
        file="indexer/walks.py",
        old='raise Truncated(f"{len(wanted)} nodes did not come, first {cid_text(wanted[0])}")',
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
        file="indexer/settling.py",
        old="    vanished = [path for path in known if path not in walked.entries]",
        new="    vanished: list[Place] = []",
        breaks="what was deleted while we were away is shown for ever",
        tests=(
            f"{RESYNC}::test_case_54_a_sync_with_other_data_brings_creates_updates_and_deletes",
        ),
    ),
    Mutant(
        name="updates-unfound",
        file="indexer/settling.py",
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
        old="        if not in_full and self._is_unchanged(opened.root):",
        new="        if self._is_unchanged(opened.root):",
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
        name="no-walk-where-no-proofs",
        file="indexer/walks.py",
        old="            if error.error in NOT_HOSTED:",
        new="            if True:",
        breaks="repos of hosts without getRecord are never complete",
        tests=(
            "tests/indexer/test_resync.py::test_a_host_whose_proofs_are_none_is_walked_as_well",
        ),
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
    Mutant(
        name="missing-records-skipped",
        file="indexer/settling.py",
        old="        left.extendleft(path for path in asked if path not in came)",
        new="        pass",
        breaks="a record that a host mislaid for a moment is never indexed",
        tests=(f"{RETRIES}::test_case_64_a_record_that_does_not_come_is_waited_for",),
    ),
    Mutant(
        name="fast-writers-never-read",
        file="indexer/resync.py",
        old="        if not is_settled:\n            await",
        new="        if False:\n            await",
        breaks="who writes faster than we walk is walked for ever",
        tests=("tests/indexer/test_resync.py::test_who_writes_faster_than_we_walk_is_read_whole",),
    ),
    Mutant(
        name="root-before-its-records",
        file="indexer/settling.py",
        old="    key = (resolver.cached(did) or identity).key",
        new=(
            "    pipeline.repos[did] = replace(after, state=State.RESYNCING)\n"
            "    key = (resolver.cached(did) or identity).key"
        ),
        breaks="a walk that a gap cuts short leaves the repo where it was to end",
        tests=(f"{WALKED}::test_a_gap_that_is_noted_as_a_walk_ends_loses_nothing_of_the_walk",),
    ),
    Mutant(
        name="new-collection-unwalked",
        file="indexer/resync.py",
        old="        if repo.rev is None or not repo.walked >= self.pipeline.collections:",
        new="        if repo.rev is None:",
        breaks="of a collection that is wanted only now the past stays out",
        tests=(f"{RETRIES}::test_a_collection_that_is_wanted_only_now_is_walked_at_an_equal_rev",),
    ),
    Mutant(
        name="new-collection-not-due",
        file="indexer/service.py",
        old="        where state = 'synchronized' and not walked @> $1::text[]",
        new="        where state = 'synchronized' and walked && $1::text[] is null",
        breaks="nobody is walked for a collection that is wanted only now",
        tests=(f"{RETRIES}::test_a_collection_that_is_wanted_only_now_is_walked_at_an_equal_rev",),
    ),
    Mutant(
        name="retries-never-later",
        file="migrations/versions/0001_index.sql",
        old="least(longest, first * power(2, least(failures, 20)))",
        new="least(longest, first)",
        breaks="a host that is gone for good is asked twice a minute for ever",
        tests=(f"{RETRIES}::test_case_61_a_host_that_goes_on_failing_is_asked_later_each_time",),
    ),
    Mutant(
        name="retries-later-without-end",
        file="migrations/versions/0001_index.sql",
        old="least(longest, first * power(2, least(failures, 20)))",
        new="first * power(2, least(failures, 20))",
        breaks="a host that was down for a week is left alone for another",
        tests=(f"{RETRIES}::test_case_61_a_host_that_goes_on_failing_is_asked_later_each_time",),
    ),
    Mutant(
        name="peace-not-given",
        file="indexer/resync.py",
        old="await self._failed(did, error, timedelta(seconds=error.seconds))",
        new="await self._failed(did, error)",
        breaks="a host that asked for five minutes of peace is asked again after half of one",
        tests=(f"{RETRIES}::test_case_60_a_host_says_itself_when_it_may_be_asked_again",),
    ),
    Mutant(
        name="names-missed-in-a-gap",
        file="indexer/discovery.py",
        old="        return replace(step, status_due=hidden, identity_due=did)",
        new="        return replace(step, status_due=hidden)",
        breaks="who was renamed in a gap keeps the old name for a day",
        tests=(f"{GAPS}::test_R21_everybodys_name_is_asked_for_after_a_gap",),
    ),
    Mutant(
        name="returns-missed-in-a-gap",
        file="indexer/discovery.py",
        old="        hidden = did if did in self.pipeline.inactive else None",
        new="        hidden = None",
        breaks="who came back in a gap stays hidden",
        tests=(f"{GAPS}::test_who_is_hidden_is_asked_for_after_a_gap",),
    ),
    Mutant(
        name="late-behind-a-walk",
        file="indexer/decisions.py",
        old="            if settling is not None and event.rev <= settling.rev:",
        new="            if False:",
        breaks="what was made and deleted before a walk comes back, from a stream that lags",
        tests=(f"{WALKED}::test_what_a_tree_has_left_behind_does_not_come_back_during_its_walk",),
    ),
    Mutant(
        name="late-of-a-failed-walk",
        file="indexer/resync.py",
        old="tuple(settling.late)",
        new="()",
        breaks="a proven commit that came during a walk that failed shows only after another",
        tests=(f"{WALKED}::test_what_a_tree_has_left_behind_does_not_come_back_during_its_walk",),
    ),
    Mutant(
        name="compared-while-it-is-written",
        file="indexer/settling.py",
        old="    async with pipeline.desk:  # what was decided before is written",
        new="    if True:",
        breaks="a walk overlooks what the stream writes as it ends",
        tests=(f"{WALKED}::test_what_is_being_written_as_a_walk_ends_is_compared_with_its_tree",),
    ),
    Mutant(
        name="first-stream-without-a-gap",
        file="indexer/relay.py",
        old="        return walked or await cursors.has_looked(self.pool)",
        new="        return walked",
        breaks="who writes first between discovery and the first stream is found a day later",
        tests=(f"{GAPS}::test_a_stream_that_begins_after_everybody_was_looked_for_has_a_gap",),
    ),
    Mutant(
        name="list-after-a-gap-from-the-middle",
        file="indexer/discovery.py",
        old="                await self._begin_anew()",
        new="                self._forget_asked()",
        breaks="who began in a gap and stands on the first pages is found a day later",
        tests=(f"{GAPS}::test_after_a_gap_everybody_is_looked_for_from_the_first_page_on",),
    ),
)
