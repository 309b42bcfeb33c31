"""Bugs in what queries answer."""

from tests.mutants.mutant import Mutant

VISIBILITY = "tests/appview/test_visibility.py"
PAGING = "tests/appview/test_paging.py"

ANSWERS = (
    Mutant(
        name="cursor-without-tiebreaker",
        file="appview/queries/get_latest.py",
        old="    from shown_track\n    where (sort_at, uri) < ($1, $2)",
        new="    from shown_track\n    where sort_at < $1 and $2::text is not null",
        breaks="of tracks of one moment those behind a page's end are skipped",
        tests=(f"{PAGING}::test_R54_walking_equals_the_unpaged_set",),
    ),
    Mutant(
        name="cursor-of-the-wrong-row",
        file="appview/pagination.py",
        old="\n    return rows[:limit], cursor(rows[limit - 1])\n",
        new="\n    return rows[:limit], cursor(rows[limit])\n",
        breaks="each page swallows the first of the next",
        tests=(f"{PAGING}::test_R54_walking_equals_the_unpaged_set",),
    ),
    Mutant(
        name="hidden-author-shown",
        file="migrations/versions/0001_index.sql",
        old="from face\nwhere face.active;",
        new="from face;",
        breaks="who was taken down, or left, is still shown",
        tests=(f"{VISIBILITY}::test_R28_a_hidden_account_drops_out_of_every_surface",),
    ),
    Mutant(
        name="taken-down-track-shown",
        file="migrations/versions/0001_index.sql",
        old="\nwhere not exists (select from local.takedown where takedown.subject = track.uri);",
        new=";",
        breaks="a track that was taken down here is still shown",
        tests=(
            f"{VISIBILITY}::test_a_record_taken_down_here_drops_out_of_every_surface",
            f"{VISIBILITY}::test_a_track_taken_down_here_says_so",
        ),
    ),
    Mutant(
        name="uncounted-likes-listed",
        file="appview/queries/get_likes.py",
        old="        select link.counted\n",
        new="        select true\n",
        breaks="more likers are listed than there are likes",
        tests=("tests/appview/test_social.py::test_R15_two_likes_by_one_account_are_one",),
    ),
    Mutant(
        name="likers-of-what-is-hidden-told",
        file="appview/hydrate/records.py",
        old='    if row["reason"] is not None:\n',
        new="    if row is None:\n",
        breaks="who likes a track that was taken down is told, and so that there is one",
        tests=(f"{VISIBILITY}::test_of_a_hidden_record_nothing_is_told_but_why",),
    ),
    Mutant(
        name="strangers-address-passed-on",
        file="appview/rules.py",
        old='f"https://{host}/" for host',
        new='f"https://{host}" for host',
        breaks="cdn.example.attacker.net is trusted like cdn.example",
        tests=("tests/appview/test_rules.py::test_only_whole_trusted_hosts_are_trusted",),
    ),
    Mutant(
        name="viewer-gets-a-kept-page",
        file="xrpc/server.py",
        old="        if request.viewer is None and route.endpoint.memory_seconds:",
        new="        if route.endpoint.memory_seconds:",
        breaks="what one viewer sees is shown to everybody",
        tests=(
            "tests/appview/test_viewers.py::"
            "test_R55_a_viewer_never_gets_the_page_that_is_kept_for_everybody",
            "tests/xrpc/test_server.py::test_a_viewer_and_a_failure_are_not_remembered",
        ),
    ),
    Mutant(
        name="killed-indexer-connected",
        file="migrations/versions/0001_index.sql",
        old="    relay.connected and relay.heard_at > now() - interval '6 minutes' as connected",
        new="    relay.connected",
        breaks="an index that nothing reaches any more says that it is connected",
        tests=(
            "tests/appview/test_sync.py::"
            "test_an_indexer_that_is_silent_is_not_connected_whatever_it_said_last",
        ),
    ),
    Mutant(
        name="cursor-of-the-other-direction",
        file="appview/queries/get_comments.py",
        old="        key = time_key(cursor, EARLIEST, Order.OLDEST)",
        new="        key = time_key(cursor, EARLIEST)",
        breaks="a walk goes on from where another, turned round, had come to",
        tests=(
            "tests/appview/test_paging.py::test_a_cursor_goes_no_other_way_than_the_walk_it_is_of",
        ),
    ),
    Mutant(
        name="looks-that-end-early",
        file="appview/pagination.py",
        old='    if not rows or not rows[-1]["is_last"]:\n',
        new="    if rows is not None:\n",
        breaks="whoever likes two thousand tracks that are gone hides what came before",
        tests=(
            "tests/appview/test_looking.py::test_deeds_behind_many_that_show_nothing_are_found",
            "tests/appview/test_looking.py::"
            "test_liked_tracks_behind_many_that_show_nothing_are_found",
        ),
    ),
    Mutant(
        name="end-of-a-look-shown",
        file="appview/pagination.py",
        old='    return [row for row in rows if row["is_shown"]], cursor(rows[-1])\n',
        new="    return rows, cursor(rows[-1])\n",
        breaks="what stands where a page stopped looking is shown, whether it may be or not",
        tests=(
            "tests/appview/test_looking.py::test_lists_behind_many_with_nothing_to_show_are_found",
        ),
    ),
)
