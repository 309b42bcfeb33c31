"""Bugs in what albums there are and what is on them."""

from tests.mutants.mutant import Mutant

ANSWERS = "tests/appview/test_albums.py"
TABLE = "tests/indexer/test_albums.py"
SUMS = "tests/indexer/test_list_sums.py"
CARD_TESTS = "tests/appview/test_cards.py"
CARDS = f"{CARD_TESTS}::test_R50_a_lists_card_says_what_its_page_has"

PLANS = "tests/appview/test_plans.py::test_each_statement_goes_by_an_index"

ALBUMS = (
    Mutant(
        name="albums-of-one-title-sorted",
        file="migrations/versions/0001_index.sql",
        old="(did, title_key, (item_count = 0), sort_at desc, uri desc)",
        new="(did, title_key, sort_at desc, uri desc)",
        breaks="each track of somebody with ten thousand albums of one title takes 20 ms",
        tests=(PLANS,),
    ),
    Mutant(
        name="all-own-lists-looked-at",
        file="migrations/versions/0001_index.sql",
        old="                limit 50\n            ) as own",
        new="                limit 50000\n            ) as own",
        breaks="each track that its author put on ten thousand playlists takes 70 ms",
        tests=(PLANS,),
    ),
    Mutant(
        name="album-that-stays",
        file="indexer/albums.py",
        old="    if before:\n        await connection.execute(DROP",
        new="    if before and uris:\n        await connection.execute(DROP",
        breaks="an album whose last track is deleted stays in the table",
        tests=(f"{TABLE}::test_an_album_goes_with_the_last_that_names_it",),
    ),
    Mutant(
        name="track-twice-on-an-album",
        file="appview/queries/get_album.py",
        old="            and earlier.position < list_item.position\n",
        new="            and earlier.position < 0\n",
        breaks="what a list has twice an album shows twice",
        tests=(f"{ANSWERS}::test_R49_the_lists_order_comes_first_then_what_tracks_add",),
    ),
    Mutant(
        name="album-without-what-tracks-say",
        file="migrations/versions/0001_index.sql",
        old="              and track.album_key = key\n",
        new="              and track.album = key\n",
        breaks="tracks are on an album only if they write its title in its folded form",
        tests=(f"{ANSWERS}::test_tracks_that_name_an_album_make_one_without_a_list",),
    ),
    Mutant(
        name="cards-with-hidden-accounts",
        file="migrations/versions/0001_index.sql",
        old="where account.did = track.did and not account.active",
        new="where account.did = track.did and account.active is null",
        breaks="a list's card adds up tracks of accounts that are hidden",
        tests=(CARDS,),
    ),
    Mutant(
        name="cards-that-play-what-was-taken-down",
        file="migrations/versions/0001_index.sql",
        old="                and not track.audio_taken_down\n",
        new="                and track.audio_taken_down is not null\n",
        breaks="a list's card counts sound that was taken down as playable",
        tests=(CARDS,),
    ),
    Mutant(
        name="cards-that-play-from-anywhere",
        file="migrations/versions/0001_index.sql",
        old="substring(track.audio_url from '^https://([^/]*)/') = any (trusted_hosts)",
        new="trusted_hosts is not null",
        breaks="a list's card counts sound of hosts that nobody trusts as playable",
        tests=(CARDS,),
    ),
    Mutant(
        name="sums-of-another-version",
        file="migrations/versions/0001_index.sql",
        old="          and (kept.cid = version and kept.hosts = trusted_hosts or is_long)",
        new="          and (kept.hosts = trusted_hosts or is_long)",
        breaks="the card of a list that was just rewritten says what the list before it had",
        tests=(f"{CARD_TESTS}::test_a_card_says_what_is_kept_of_this_version_and_no_other",),
    ),
    Mutant(
        name="sums-that-do-not-follow-accounts",
        file="indexer/list_sums.py",
        old="        for did in accounts:",
        new="        for did in ():",
        breaks="tracks of a hidden account count on the cards of others' lists for good",
        tests=(f"{SUMS}::test_sums_follow_whatever_moves_them",),
    ),
    Mutant(
        name="sums-that-do-not-follow-tracks",
        file="indexer/list_sums.py",
        old="        if tracks:\n",
        new="        if not tracks:\n",
        breaks="a deleted track counts on the cards of lists for good",
        tests=(f"{SUMS}::test_sums_follow_whatever_moves_them",),
    ),
    Mutant(
        name="list-without-its-last-type",
        file="indexer/records/list.py",
        old="list.sort_at, list.last_list_type\n",
        new="list.sort_at, list.list_type\n",
        breaks="albums rewritten without their type are not among the albums with a track",
        tests=(f"{TABLE}::test_items_of_a_list_are_as_old_as_the_list_and_of_its_last_type",),
    ),
    Mutant(
        name="empty-list-for-an-album",
        file="migrations/versions/0001_index.sql",
        old="    order by list.item_count = 0, list.sort_at desc, list.uri desc\n",
        new="    order by list.sort_at desc, list.uri desc\n",
        breaks="a newer list without items stands for an album that has some",
        tests=(f"{ANSWERS}::test_of_two_lists_with_one_title_the_newest_with_items_stands_for_it",),
    ),
)
