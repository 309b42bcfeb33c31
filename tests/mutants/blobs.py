"""Bugs in how blobs are fetched, proven, kept and handed out."""

from tests.mutants.mutant import Mutant

BLOBS_ = "tests/appview/test_blobs.py"
RIVALS = "tests/appview/test_blob_rivals.py"
RANGES = "tests/appview/test_ranges.py"
BUCKET = "tests/appview/test_bucket.py"

BLOBS = (
    Mutant(
        name="blob-trickles-for-ever",
        file="appview/media/slots.py",
        old="        if slow:\n",
        new="        if False:\n",
        breaks="hosts at four addresses keep everybody from every blob that is not here yet",
        tests=(f"{RIVALS}::test_a_host_that_stalls_gives_way_to_who_waits",),
    ),
    Mutant(
        name="blob-unproven",
        file="appview/media/filling.py",
        old="    if digest != filling.digest:",
        new="    if False:",
        breaks="whatever a host sends is kept under the CID that was asked for",
        tests=(f"{BLOBS_}::test_a_wrong_blob_is_never_whole_and_never_kept",),
    ),
    Mutant(
        name="blob-not-held-back",
        file="appview/media/filling.py",
        old="        return max(min(self.received, end - HELD_BACK_BYTES), 0)",
        new="        return self.received",
        breaks="who listens while it comes may get all of a wrong blob",
        tests=(
            f"{BLOBS_}::test_a_wrong_blob_is_never_whole_and_never_kept",
            f"{BLOBS_}::test_who_heard_the_beginning_of_a_wrong_blob_is_cut_off",
        ),
    ),
    Mutant(
        name="blob-waits-for-the-disk",
        file="appview/media/opened.py",
        old="        return unwritten or await",
        new="        return await",
        breaks="who listens first waits for the disk, or is cut off",
        tests=(
            "tests/appview/test_blob_writing.py"
            "::test_the_first_bytes_are_heard_before_the_disk_has_any",
        ),
    ),
    Mutant(
        name="blob-unwritten-without-bound",
        file="appview/media/filling.py",
        old="            if not self._writing.done() and behind < UNWRITTEN_BYTES:",
        new="            if not self._writing.done():",
        breaks="a slow disk fills the memory with what comes",
        tests=("tests/appview/test_blob_writing.py::test_what_waits_for_a_slow_disk_is_bounded",),
    ),
    Mutant(
        name="blob-etag-too-early",
        file="appview/media/response.py",
        old="    if opened.is_proven:",
        new="    if True:",
        breaks="caches keep what is not proven yet",
        tests=(
            f"{BLOBS_}::test_the_first_listener_gets_it_while_it_comes_and_the_next_from_the_cache",
        ),
    ),
    Mutant(
        name="blob-filled-for-every-account",
        file="appview/media/media.py",
        old="{hashlib.sha256(did.encode()).hexdigest()[:32]}",
        new="all",
        breaks="anybody's PDS is heard by those who asked for another's track",
        tests=(
            f"{RIVALS}::test_nobody_hears_or_waits_for_what_another_account_gives_out_as_the_blob",
        ),
    ),
    Mutant(
        name="blob-slot-before-turn",
        file="appview/media/filling.py",
        old="fetch() as incoming, slots.taken(incoming.peer, lambda: filling.received):",
        new="slots.taken('', lambda: filling.received), fetch() as incoming:",
        breaks="one host that answers nothing keeps every cold blob from coming",
        tests=(f"{RIVALS}::test_a_host_that_answers_nothing_keeps_nobody_from_the_others",),
    ),
    Mutant(
        name="blob-fetched-by-each",
        file="appview/media/disk.py",
        old="            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n        except",
        new="            pass\n        except",
        breaks="each process fetches for itself, into the same file",
        tests=(f"{BLOBS_}::test_ten_thousand_ranges_are_the_bytes_of_the_blob",),
    ),
    Mutant(
        name="blob-cache-unbounded",
        file="appview/media/disk.py",
        old="        excess = held - self._max_bytes\n",
        new="        excess = -1.0\n",
        breaks="the cache fills the disk",
        tests=(f"{BLOBS_}::test_the_bound_of_the_cache_holds_and_the_least_used_go_first",),
    ),
    Mutant(
        name="blob-part-left",
        file="appview/media/disk.py",
        old="                self._part(name).unlink()\n",
        new="",
        breaks="what did not come stays on the disk for ever",
        tests=(
            f"{BLOBS_}::test_a_wrong_blob_is_never_whole_and_never_kept",
            f"{BLOBS_}::test_a_start_forgets_what_a_crash_left_and_finds_what_it_kept",
        ),
    ),
    Mutant(
        name="blob-open-proxy",
        file="appview/media/permits.py",
        old="      and track.did = $1\n",
        new="",
        breaks="anybody's blob is fetched from anybody's PDS, as long as some record names its CID",
        tests=(f"{BLOBS_}::test_what_no_record_that_is_shown_references_is_not_even_asked_for",),
    ),
    Mutant(
        name="blob-takedown-of-one-account",
        file="appview/media/permits.py",
        old="        raise TakenDown(str(cid))",
        new="        pass",
        breaks="bytes that were taken down are handed out",
        tests=(f"{BLOBS_}::test_what_is_taken_down_is_gone_at_once_from_the_cache_too",),
    ),
    Mutant(
        name="blob-for-supporters",
        file="appview/media/permits.py",
        old='    if row is None or row["gated"]:',
        new="    if row is None:",
        breaks="what is for supporters is for everybody",
        tests=(f"{BLOBS_}::test_what_is_for_supporters_is_not_handed_out",),
    ),
    Mutant(
        name="range-suffix-from-the-start",
        file="appview/media/ranges.py",
        old="    return Span(max(size - length, 0), size)",
        new="    return Span(0, min(length, size))",
        breaks="who asks for the end gets the beginning",
        tests=(
            f"{RANGES}::test_a_range_is_what_python_slices",
            f"{BLOBS_}::test_parts_conditions_and_heads_of_what_is_kept",
        ),
    ),
    Mutant(
        name="range-of-another-version",
        file="appview/media/ranges.py",
        old='    if headers.get("if-range", etag).strip() != etag:',
        new="    if False:",
        breaks="pieces of two blobs are put together",
        tests=(f"{RANGES}::test_a_range_of_another_version_is_the_whole",),
    ),
    Mutant(
        name="bucket-counts-nothing",
        file="appview/media/stored.py",
        old='            excess = held["bytes"] + size - self.max_bytes',
        new="            excess = size - self.max_bytes",
        breaks="the bucket grows without end",
        tests=(
            f"{BUCKET}::test_the_bound_of_the_bucket_holds_and_the_least_used_go_first",
            f"{BUCKET}::test_many_uploads_at_once_stay_within_the_bound",
        ),
    ),
    Mutant(
        name="bucket-unlocked",
        file="appview/media/stored.py",
        old='            await connection.execute("select pg_advisory_xact_lock($1)", LOCK)\n',
        new="",
        breaks="many uploads at once each see room that they share",
        tests=(f"{BUCKET}::test_room_is_given_to_one_after_another",),
    ),
    Mutant(
        name="bucket-lost-object-remembered",
        file="appview/media/bucket.py",
        old="            await self.stored.lose(name)\n",
        new="            pass\n",
        breaks="what somebody removed from the bucket is looked for at every request",
        tests=(f"{BUCKET}::test_a_bucket_that_is_gone_costs_a_fetch_and_nothing_else",),
    ),
)
