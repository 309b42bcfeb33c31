"""Bugs in what an event does to its repo, to the queue and to the cursor."""

from tests.mutants.mutant import Mutant

STATE = "tests/indexer/test_repo_state.py"
WINDOW = "tests/indexer/test_window.py"
LEADERSHIP = "tests/indexer/test_leadership.py"
BATCHES = "tests/indexer/test_batches.py"
STEPS = "tests/indexer/test_steps.py"
FRAMING = "tests/network/test_framing.py"
LOOP = "tests/indexer/test_loop.py"
RELAY = "tests/indexer/test_relay.py"
COMMITS = "tests/network/test_commits.py"
DOUBTS = "tests/network/test_doubts.py"
RESYNC = "tests/network/test_resync.py"

CHAINS = (
    Mutant(
        name="prev-data-unchained",
        file="indexer/repo_state.py",
        old="    if commit.prev_data != repo.data:",
        new="    if False:",
        breaks="a commit onto another tree than ours passes for the next one",
        tests=(f"{STATE}::test_case_40_another_tree_before_calls_for_a_walk",),
    ),
    Mutant(
        name="since-ignored",
        file="indexer/repo_state.py",
        old="    if commit.since != repo.rev:",
        new="    if False:",
        breaks="commits that were undone by the next are never missed",
        tests=(f"{STATE}::test_case_41_another_rev_before_calls_for_a_walk",),
    ),
    Mutant(
        name="legacy-commit-chained",
        file="indexer/repo_state.py",
        old="    if commit.legacy:",
        new="    if commit.legacy and commit.prev_data is None:",
        breaks="a commit that cannot be undone passes for complete",
        tests=(f"{STATE}::test_case_42_a_legacy_commit_calls_for_a_walk",),
    ),
    Mutant(
        name="stale-rev-accepted",
        file="indexer/repo_state.py",
        old="repo.rev is not None and rev <= repo.rev",
        new="repo.rev is not None and rev < repo.rev",
        breaks="the newest commit told again breaks its own chain",
        tests=(f"{STATE}::test_case_37_38_what_is_not_newer_is_stale",),
    ),
    Mutant(
        name="replays-break-the-chain",
        file="indexer/repo_state.py",
        old="    return repo is not None and repo.rev is not None and rev <= repo.rev",
        new="    return False",
        breaks="a relay that replays an hour has every host asked for its repos",
        tests=(f"{STATE}::test_case_37_38_what_is_not_newer_is_stale",),
    ),
    Mutant(
        name="newcomers-past-ignored",
        file="indexer/repo_state.py",
        old="    if repo is None and commit.complete_history:",
        new="    if repo is None:",
        breaks="whoever is first seen live has no past",
        tests=(f"{STATE}::test_case_70_a_newcomer_with_a_past_is_walked",),
    ),
    Mutant(
        name="noop-sync-keeps-the-rev",
        file="indexer/repo_state.py",
        old="        return Verdict.CHAINED, replace(repo, rev=sync.rev)",
        new="        return Verdict.CHAINED, repo",
        breaks="the next commit after a #sync does not chain",
        tests=(f"{STATE}::test_case_55_a_sync_to_the_same_tree_moves_the_rev",),
    ),
    Mutant(
        name="sync-always-noop",
        file="indexer/repo_state.py",
        old="    if repo.state is State.SYNCHRONIZED and sync.data == repo.data:",
        new="    if repo.state is State.SYNCHRONIZED:",
        breaks="a #sync to another tree is never followed by a walk",
        tests=(f"{STATE}::test_case_54_a_sync_to_another_tree_calls_for_a_walk",),
    ),
    Mutant(
        name="desynchronized-chains-on",
        file="indexer/repo_state.py",
        old="        return Verdict.BROKEN, replace(repo, state=State.DESYNCHRONIZED)\n    broken",
        new="        return Verdict.CHAINED, synchronized\n    broken",
        breaks="the next commit papers over what is missing",
        tests=(f"{STATE}::test_a_commit_does_not_mend_what_is_missing",),
    ),
    Mutant(
        name="broken-proof-forgiven",
        file="indexer/decisions.py",
        old="if not (error.reason.is_after_signature or error.reason is Reason.NO_IDENTITY):",
        new="if True:",
        breaks="a signed commit that could not be followed leaves no doubt behind",
        tests=(f"{COMMITS}::test_case_32_a_hidden_op_calls_for_a_resync",),
    ),
    Mutant(
        name="doubt-in-memory-only",
        file="indexer/pipeline.py",
        old=" for did in self.doubts.take_unwritten()]",
        new=" for did in ()]",
        breaks="what a refused frame hid is not looked for after a restart",
        tests=("tests/indexer/test_doubts.py::test_a_doubt_outlives_a_restart",),
    ),
    Mutant(
        name="strangers-waited-for",
        file="indexer/proving.py",
        old='if did.startswith("did:web:")}',
        new="if False}",
        breaks="a domain that is slow on purpose holds up everybody's commits",
        tests=(
            "tests/indexer/test_slow_identities.py"
            "::test_a_domain_that_is_slow_to_say_who_signs_holds_up_nobody_else",
        ),
    ),
    Mutant(
        name="refused-frame-forgotten",
        file="indexer/decisions.py",
        old="if did in self.repos and not error.reason.is_after_signature:",
        new="if False:",
        breaks="what a frame hid that was refused unproven is missing until the next commit",
        tests=(
            f"{DOUBTS}::test_what_was_hidden_by_a_frame_that_was_refused_unproven"
            "_is_found_within_a_minute",
        ),
    ),
    Mutant(
        name="key-never-refreshed",
        file="indexer/proving.py",
        old='            pending.outcome = Unresolved("the key may have changed")',
        new="            pass",
        breaks="a rotated key ends an account's music",
        tests=(f"{COMMITS}::test_case_22_a_key_rotated_a_moment_ago_is_looked_up",),
    ),
    Mutant(
        name="leader-not-fenced",
        file="indexer/rows.py",
        old="    if epoch is not None:",
        new="    if False:",
        breaks="an indexer that slept while another took over writes over its work",
        tests=(f"{LEADERSHIP}::test_a_leader_that_was_followed_by_another_can_write_nothing",),
    ),
    Mutant(
        name="cursor-before-rows",
        file="indexer/writer.py",
        old=(
            "        try:\n            async with connection.transaction():\n"
            "                await begin("
        ),
        new=(
            "        try:\n            if cursor is not None:\n"
            "                await write_cursor(connection, cursor, now)\n"
            "            async with connection.transaction():\n"
            "                await begin("
        ),
        breaks="a crash between cursor and rows loses the batch",
        tests=(
            f"{BATCHES}::test_any_other_error_raises_and_leaves_nothing",
            f"{BATCHES}::test_a_kill_at_any_statement_leaves_nothing_and_a_replay_everything",
        ),
    ),
    Mutant(
        name="cursor-apart-from-rows",
        file="indexer/writer.py",
        old=(
            "                if cursor is not None:\n"
            "                    await write_cursor(connection, cursor, now)\n"
            "                return result\n        except"
        ),
        new=(
            "            if cursor is not None:\n"
            "                await write_cursor(connection, cursor, now)\n"
            "            return result\n        except"
        ),
        breaks="a crash between rows and cursor leaves what nobody expects",
        tests=(f"{BATCHES}::test_a_kill_at_any_statement_leaves_nothing_and_a_replay_everything",),
    ),
    Mutant(
        name="cursor-passes-the-window",
        file="indexer/pipeline.py",
        old="        if self._window:\n            last = batch[-1].event",
        new="        if False:\n            last = batch[-1].event",
        breaks="a crash loses what was received and not yet written",
        tests=(f"{WINDOW}::test_the_cursor_stays_behind_what_waits_in_the_window",),
    ),
    Mutant(
        name="idle-cursor-passes-the-window",
        file="indexer/pipeline.py",
        old="            if self._window or self._in_hand:\n                return",
        new="            if False:\n                return",
        breaks="a crash in a quiet moment loses what was just received",
        tests=(
            "tests/indexer/test_pipeline.py::"
            "test_an_event_that_comes_while_the_idle_cursor_waits_is_neither_lost_nor_passed",
        ),
    ),
    Mutant(
        name="replayed-seq-processed",
        file="indexer/pipeline.py",
        old="        if seen.seq <= after_seq:",
        new="        if False:",
        breaks="a relay that repeats itself moves the cursor back",
        tests=(
            f"{WINDOW}::test_case_11_a_seq_that_was_given_before_is_passed_over",
            f"{FRAMING}::test_case_11_a_seq_that_was_given_before_is_not_processed",
        ),
    ),
    Mutant(
        name="undecided-repo-overlooked",
        file="indexer/pipeline.py",
        old=" or seen.did in self._undecided or seen.touches:",
        new=" or seen.touches:",
        breaks="what follows at once on a newcomer's first track is skipped",
        tests=(f"{WINDOW}::test_what_follows_on_a_newcomers_first_track_is_followed",),
    ),
    Mutant(
        name="queue-dropped",
        file="indexer/decisions.py",
        old="repo=self._enter(repo), enqueue=queued),)",
        new="repo=self._enter(repo)),)",
        breaks="an event whose signer could not be resolved in time is lost",
        tests=(f"{WINDOW}::test_nothing_overtakes_a_commit_that_waits",),
    ),
    Mutant(
        name="queue-jumped",
        file="indexer/decisions.py",
        old="        if self._state(event.did) is State.WAITING:",
        new="        if False:",
        breaks="a commit overtakes those that wait before it",
        tests=(f"{WINDOW}::test_nothing_overtakes_a_commit_that_waits",),
    ),
    Mutant(
        name="queue-drained-too-far",
        file="indexer/steps.py",
        old="              and repo_queue.seq <= drained.seq\n",
        new="",
        breaks="frames leave the queue that nobody has followed",
        tests=(f"{STEPS}::test_frames_wait_in_order_until_they_leave",),
    ),
    Mutant(
        name="nothing-queued-during-a-walk",
        file="indexer/decisions.py",
        old='            return (step, *self._enqueue(event, frame, after, "during a walk"))',
        new="            return (step,)",
        breaks="what happens during a walk is taken for older than its end",
        tests=(
            "tests/indexer/test_resync.py::test_case_58_a_commit_that_came_during_a_walk_is_chained_to_its_end",
        ),
    ),
    Mutant(
        name="backoff-reset-at-once",
        file="indexer/subscribing.py",
        old="        if lasted_seconds >= HEALTHY_SECONDS:",
        new="        if True:",
        breaks="a relay that closes at once is hammered",
        tests=(
            "tests/indexer/test_relay.py::test_case_10_the_back_off_starts_over_after_a_healthy_minute_only",
        ),
    ),
    Mutant(
        name="outdated-cursor-shrugged-off",
        file="indexer/relay.py",
        old='            if event.name == "OutdatedCursor":',
        new="            if False:",
        breaks="what fell out of the relay's window stays lost",
        tests=(f"{FRAMING}::test_case_09_an_outdated_cursor_is_made_good_from_the_repos",),
    ),
    Mutant(
        name="foreign-cursor-used",
        file="indexer/cursors.py",
        old="        from relay_cursor\n        where host = $1 and seq is not null",
        new="        from relay_cursor\n        where $1::text is not null and seq is not null",
        breaks="a new relay is asked for the numbers of the old one",
        tests=(f"{FRAMING}::test_case_13_another_relay_never_sees_the_cursor_of_the_first",),
    ),
    Mutant(
        name="queue-cut-after-a-chunk",
        file="indexer/draining.py",
        old="        return None if pipeline.repos[did].state is waits else True",
        new="        return True",
        breaks="of a long queue only the beginning is followed",
        tests=(f"{LOOP}::test_a_long_queue_leaves_turns_to_others_and_the_desk_to_the_stream",),
    ),
    Mutant(
        name="queue-drained-behind-a-walk",
        file="indexer/draining.py",
        old="        if held is None or held.state is not waits:",
        new="        if held is None:",
        breaks="a queue that ends before a gap passes for the end of the repo",
        tests=(
            "tests/indexer/test_retries.py::"
            "test_a_queue_is_left_to_the_walk_that_was_called_for_meanwhile",
        ),
    ),
    Mutant(
        name="overflow-forgotten",
        file="indexer/decisions.py",
        old='            step = self.desynchronize(repo, "its queue overflowed")',
        new="            step = Step(did=event.did)",
        breaks="what an overflowing queue dropped is never fetched",
        tests=(
            "tests/indexer/test_retries.py::test_what_an_overflowing_queue_dropped_is_walked_for",
        ),
    ),
    Mutant(
        name="backoff-never-grows",
        file="indexer/subscribing.py",
        old="min(self.delay * 2, LONGEST_DELAY_SECONDS)",
        new="self.delay",
        breaks="a relay that is down for a day is asked every second of it",
        tests=(f"{RELAY}::test_case_10_the_back_off_starts_over_after_a_healthy_minute_only",),
    ),
    Mutant(
        name="silence-believed",
        file="indexer/subscribing.py",
        old="            ping_timeout=ping_seconds,",
        new="            ping_timeout=None,",
        breaks="a cable that was pulled is listened to for ever",
        tests=(f"{RELAY}::test_case_14_a_relay_that_answers_no_ping_is_left_for_a_new_connection",),
    ),
)
