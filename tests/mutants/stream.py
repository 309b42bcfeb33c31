"""Bugs in what subscribers are told, and in its order."""

from tests.mutants.mutant import Mutant

OUTBOX = "tests/indexer/test_outbox.py"
SEQUENCER = "tests/indexer/test_sequencer.py"
EVENT_LOG = "tests/appview/test_event_log.py"
EVENTS = "tests/appview/test_events.py"
PLACES = "tests/appview/test_event_places.py"

STREAM = (
    Mutant(
        name="numbers-by-the-clock-alone",
        file="indexer/sequencer.py",
        old="                first = max(last + 1, int(self.now().timestamp() * 1_000_000))",
        new="                first = int(self.now().timestamp() * 1_000_000)",
        breaks="a clock that steps back gives a number twice",
        tests=(f"{SEQUENCER}::test_a_number_is_not_reused_when_its_event_is_gone",),
    ),
    Mutant(
        name="numbered-without-a-lock",
        file="indexer/sequencer.py",
        old='"select last_seq from stream.state for update"',
        new='"select last_seq from stream.state"',
        breaks="two who lead at once give one number to two events",
        tests=(f"{SEQUENCER}::test_two_who_number_at_once_take_turns",),
    ),
    Mutant(
        name="invalid-untold",
        file="indexer/outbox.py",
        old='    return "delete" if was_shown else None',
        new="    return None",
        breaks="who follows goes on showing what is gone",
        tests=(f"{OUTBOX}::test_an_invalid_version_is_the_end_of_a_valid_one",),
    ),
    Mutant(
        name="told-out-of-order",
        file="indexer/records/ledger.py",
        old="        winners.pop(prepared.uri, None)",
        new="        pass",
        breaks="of one repo a later commit is told before an earlier one",
        tests=(f"{OUTBOX}::test_of_changes_in_one_batch_the_last_is_told_in_its_place",),
    ),
    Mutant(
        name="hidden-told-again",
        file="appview/events/log.py",
        old="case when account.active then record.value end as value",
        new="record.value",
        breaks="what a hidden account wrote is sent to whoever reads the log",
        tests=(f"{EVENTS}::test_what_is_hidden_by_now_is_not_told_again",),
    ),
    Mutant(
        name="page-cut-and-skipped",
        file="appview/events/log.py",
        old='    if len(events) < head["wanted"]:',
        new="    if not events:",
        breaks="large records make a reader skip what did not fit the page",
        tests=(f"{EVENT_LOG}::test_pages_of_any_size_are_together_the_whole",),
    ),
    Mutant(
        name="fallen-behind-unnoticed",
        file="appview/events/ring.py",
        old="        if place < self.floor:\n            raise FallenBehind\n",
        new="",
        breaks="a slow subscriber misses events and is not told",
        tests=(
            f"{EVENT_LOG}::test_a_place_in_the_ring_gives_all_that_follows_or_says_that_it_cannot",
        ),
    ),
    Mutant(
        name="outdated-untold",
        file="appview/events/tail.py",
        old="is_outdated=0 < cursor < page.trimmed)",
        new="is_outdated=False)",
        breaks="who was away for too long believes to have missed nothing",
        tests=(f"{PLACES}::test_a_cursor_of_what_is_not_kept_any_more_is_told_so",),
    ),
)
