"""Bugs in what is said of where a track can be had, and of its sound."""

from tests.mutants.mutant import Mutant

PLAYBACK = "tests/appview/test_playback.py"
PROBING = "tests/indexer/test_probing.py"

HAD = (
    Mutant(
        name="source-of-a-stranger",
        file="appview/playback/sources.py",
        old='[_at_cdn(row)] if trust.covers(row["audio_url"]) else []',
        new='[_at_cdn(row)] if row["audio_url"] else []',
        breaks="a record sends listeners wherever its author likes",
        tests=(f"{PLAYBACK}::test_R30_a_strangers_address_leads_nowhere",),
    ),
    Mutant(
        name="gate-left-open",
        file="appview/playback/views.py",
        old='_WITHOUT_SOURCES: Final = {"gated", "taken-down"}',
        new='_WITHOUT_SOURCES: Final = {"taken-down"}',
        breaks="what is for supporters is given to anybody",
        tests=(f"{PLAYBACK}::test_a_gate_says_where_to_go_and_gives_nothing",),
    ),
    Mutant(
        name="check-of-another-address",
        file="indexer/probing.py",
        old="  and source_check.url = $2\n",
        new="  and $2::text is not null\n",
        breaks="a source is said to be there because another was",
        tests=(f"{PROBING}::test_R31_an_answer_about_the_address_before_says_nothing_of_the_next",),
    ),
    Mutant(
        name="redirect-believed",
        file="indexer/probing.py",
        old="        timeout_seconds=ANSWER_SECONDS,\n",
        new="        timeout_seconds=ANSWER_SECONDS,\n        max_redirects=3,\n",
        breaks="a redirect of a trusted host leads listeners to anybody",
        tests=(f"{PROBING}::test_a_redirect_is_followed_nowhere",),
    ),
    Mutant(
        name="blob-missing-after-one-no",
        file="migrations/versions/0001_index.sql",
        old="          and missing.asks > 1\n    ) as audio_missing,",
        new="    ) as audio_missing,",
        breaks="one bad answer of a PDS silences a track",
        tests=("tests/appview/test_missing.py::test_one_no_says_nothing_yet",),
    ),
    Mutant(
        name="blob-missing-for-ever",
        file="indexer/missing_blobs.py",
        old="            await self.pool.execute(FORGET, did, cid)\n",
        new="            pass\n",
        breaks="a track that was silent once is silent though its blob is there",
        tests=("tests/indexer/test_missing_blobs.py::test_what_is_there_again_is_missing_no_more",),
    ),
    Mutant(
        name="reader-believed",
        file="appview/playback/answer.py",
        old="        if not may_be(said[name]):\n",
        new="        if False:\n",
        breaks="what has taken a reader over stops the reading of all other sounds",
        tests=("tests/appview/test_taken_over.py::test_a_number_that_no_sound_has_is_refused",),
    ),
    Mutant(
        name="length-guessed",
        file="appview/playback/measuring.py",
        old="    if info.bitrate_mode is BitrateMode.UNKNOWN:\n",
        new="    if False:\n",
        breaks="a variable bitrate makes a song many times as long as it is",
        tests=(
            "tests/appview/test_measuring.py"
            "::test_a_variable_bitrate_without_a_header_is_counted_to_the_end",
        ),
    ),
)
