"""Bugs in what becomes of a record, and in what is counted."""

from tests.mutants.mutant import Mutant

WRITER = "tests/indexer/test_writer.py"
RECORDS = "tests/indexer/test_records.py"
BATCHES = "tests/indexer/test_batches.py"
COUNTERS = "tests/indexer/test_counters.py"
REBUILD = "tests/commands/test_rebuild.py"

RECORDS_AND_COUNTS = (
    Mutant(
        name="older-rev-wins",
        file="indexer/records/ledger.py",
        old="        if prepared.rev < newest or (prepared.rev == newest and not returns):",
        new="        if prepared.rev == newest and not returns:",
        breaks="a replay undoes what came after",
        tests=(f"{WRITER}::test_R1_R2_an_older_rev_loses",),
    ),
    Mutant(
        name="equal-rev-wins",
        file="indexer/records/ledger.py",
        old="        if prepared.rev < newest or (prepared.rev == newest and not returns):",
        new="        if prepared.rev < newest:",
        breaks="a replay writes everything again",
        tests=(f"{WRITER}::test_R1_R8_the_same_rev_again_changes_nothing",),
    ),
    Mutant(
        name="tombstone-forgotten",
        file="indexer/records/ledger.py",
        old='else known.rev if known else ""',
        new='else known.rev if known and known.is_valid else ""',
        breaks="a replayed create brings a deleted record back",
        tests=(
            f"{WRITER}::test_R5_R7_a_replayed_create_does_not_resurrect",
            f"{WRITER}::test_R6_R7_a_delete_of_something_unseen_is_remembered",
        ),
    ),
    Mutant(
        name="quarantine-leaves-the-old-row",
        file="indexer/rows.py",
        old="(winner.is_interrupted or not winner.is_valid)",
        new="(winner.is_interrupted or winner.prepared.change.cid is None)",
        breaks="an edit that is invalid leaves the version before it on show",
        tests=(f"{WRITER}::test_an_update_to_an_invalid_version_removes_the_old_one",),
    ),
    Mutant(
        name="lexicon-unchecked",
        file="indexer/records/prepare.py",
        old="        catalog.validate_record(change.collection, change.rkey, record)\n",
        new="",
        breaks="records that break their lexicon are indexed",
        tests=(f"{RECORDS}::test_R38_a_record_that_breaks_its_lexicon_is_quarantined",),
    ),
    Mutant(
        name="nul-uncaught",
        file="indexer/records/prepare.py",
        old='            if "\\0" in value:',
        new='            if "\\0\\0" in value:',
        breaks="a NUL reaches Postgres, which refuses the batch",
        tests=(f"{RECORDS}::test_a_NUL_that_a_column_would_hold_is_unstorable",),
    ),
    Mutant(
        name="unstorable-stops-everything",
        file="indexer/writer.py",
        old='in {"22", "54"}',
        new='in {"22"}',
        breaks="a value past a limit of Postgres stops the program for good",
        tests=(f"{BATCHES}::test_one_value_that_postgres_refuses_costs_one_record",),
    ),
    Mutant(
        name="future-key-leads",
        file="indexer/records/record_type.py",
        old="    return min(_EPOCH + timedelta(microseconds=tid_micros(Tid(rkey))), first_seen)",
        new="    return _EPOCH + timedelta(microseconds=tid_micros(Tid(rkey)))",
        breaks="a key of the future leads the feed until then",
        tests=(f"{RECORDS}::test_R37_nobody_writes_into_the_future",),
    ),
    Mutant(
        name="edits-move-tracks",
        file="indexer/records/track.py",
        old="            created_at = excluded.created_at\n",
        new="            created_at = excluded.created_at,\n            sort_at = now()\n",
        breaks="who edits a track is at the top of the feed again",
        tests=(f"{WRITER}::test_R11_no_update_moves_a_track",),
    ),
    Mutant(
        name="first-sight-forgotten",
        file="indexer/records/ledger.py",
        old="        prepared = prepared.seen_first(held.seen_at)",
        new="        pass",
        breaks="a record that comes back is new",
        tests=(f"{WRITER}::test_R11_a_record_that_comes_back_keeps_its_first_sight",),
    ),
    Mutant(
        name="duplicate-like-counted",
        file="indexer/counters.py",
        old='[link.kind != "like" or likes[link.subject, link.did] == link.uri for link in links],',
        new="[True for _ in links],",
        breaks="one account's two likes count twice",
        tests=(f"{WRITER}::test_R15_two_likes_by_one_account_count_once",),
    ),
    Mutant(
        name="no-promotion",
        file="indexer/counters.py",
        old="    if orphaned:\n",
        new="    if False:\n",
        breaks="of two likes the counted one goes, and none is left in the count",
        tests=(
            f"{WRITER}::test_R15_two_likes_by_one_account_count_once",
            f"{COUNTERS}::test_the_counted_like_is_the_one_with_the_smallest_uri",
        ),
    ),
    Mutant(
        name="links-held-to-active",
        file="indexer/counters.py",
        old="new.may_count and account.counted_active",
        new="new.may_count and account.active",
        breaks="a like written while its account is recounted counts twice or never",
        tests=(
            f"{COUNTERS}::test_a_like_written_while_its_account_is_recounted_ends_up_right",
            f"{COUNTERS}::test_a_like_written_between_two_flips_counts",
        ),
    ),
    Mutant(
        name="recount-goes-on-after-a-turn",
        file="indexer/counters.py",
        old="case when active = counted_active then recount_after end as after",
        new="recount_after as after",
        breaks="an account that comes back half-way stays half uncounted",
        tests=(f"{COUNTERS}::test_an_account_that_turns_back_half_way_is_counted_anew",),
    ),
    Mutant(
        name="recount-skips-a-link",
        file="indexer/counters.py",
        old="  and ($3::text is null or uri <= $3)",
        new="  and ($3::text is null or uri < $3)",
        breaks="each chunk leaves its last record as it was",
        tests=(f"{COUNTERS}::test_a_large_account_is_followed_in_bounded_chunks",),
    ),
    Mutant(
        name="recounted-as-it-was",
        file="indexer/mending.py",
        old='    return [row[name] - row[f"held_{name}"] for name in counts]',
        new="    return [row[name] for name in counts]",
        breaks="what is counted anew is added to what was held",
        tests=(
            "tests/indexer/test_recount.py"
            "::test_what_others_write_while_an_account_is_counted_anew_stays",
        ),
    ),
    Mutant(
        name="suffix-matched-tracks",
        file="indexer/counters.py",
        old="    if len(parts) == 5 and parts[3] == track_collection and",
        new='    if len(parts) == 5 and parts[3].endswith(".track") and',
        breaks="likes of fm.plyr.dev.track are likes received",
        tests=(f"{COUNTERS}::test_R20_a_like_of_another_environments_track_is_received_by_nobody",),
    ),
    Mutant(
        name="takedown-still-counted",
        file="indexer/records/ledger.py",
        old="        return self.is_valid and not self.is_taken_down",
        new="        return self.is_valid",
        breaks="what is taken down counts again after an edit",
        tests=(
            "tests/indexer/test_moderation.py::test_71_a_takedown_outlives_whatever_its_author_does",
        ),
    ),
    Mutant(
        name="rebuild-forgets-decisions",
        file="appview/commands/rebuild.py",
        old='EMPTY = """\ntruncate\n    account,',
        new='EMPTY = """\ntruncate\n    local.takedown,\n    account,',
        breaks="what was taken down here is shown again after a rebuild",
        tests=(f"{REBUILD}::test_after_a_rebuild_takedowns_hold_from_the_first_row_on",),
    ),
    Mutant(
        name="newcomers-takedown-unseen",
        file="indexer/steps.py",
        old="    if newcomers:",
        new="    if False:",
        breaks="after a rebuild an account that was taken down is shown until the next start",
        tests=(
            f"{REBUILD}::test_after_a_rebuild_takedowns_hold_from_the_first_row_on",
            "tests/indexer/test_takedowns.py::"
            "test_a_newcomer_who_is_taken_down_is_hidden_from_the_first_row",
        ),
    ),
    Mutant(
        name="new-records-takedown-unseen",
        file="indexer/records/ledger.py",
        old="        is_taken_down = prepared.uri in ledger.taken_down",
        new="        is_taken_down = False",
        breaks="an update of what was taken down brings it back into the counts",
        tests=(
            "tests/indexer/test_moderation.py::test_what_is_not_indexed_yet_is_down_when_it_comes",
        ),
    ),
)
