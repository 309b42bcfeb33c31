"""Bugs in what is found, in which order, and in how a walk through it goes on."""

from tests.mutants.mutant import Mutant

SEARCH = "tests/appview/test_search.py"
QUERY = "tests/appview/test_search_query.py"
AUTHORS = "tests/appview/test_search_authors.py"
NARROWED = "tests/appview/test_search_narrowed.py"
FOLLOWING = "tests/indexer/test_search.py"
MATCH = "appview/search/match.py"
SCHEMA = "migrations/versions/0001_index.sql"

SEARCHES = (
    Mutant(
        name="beginnings-are-words",
        file=MATCH,
        old='    if (at := text.find(f" {word} ")) >= 0:',
        new='    if (at := text.find(f" {word}")) >= 0:',
        breaks="who types a whole word gets what only begins with it in between",
        tests=(f"{SEARCH}::test_classes_come_in_their_order_whatever_is_liked",),
    ),
    Mutant(
        name="likes-before-titles",
        file=MATCH,
        old="        return self.of, self.place, self.slips, -(rank + self.bonus)",
        new="        return self.of, 0, self.slips, -(rank + self.bonus)",
        breaks="a song of that very title comes behind a liked one with the word in it",
        tests=(f"{SEARCH}::test_classes_come_in_their_order_whatever_is_liked",),
    ),
    Mutant(
        name="unwanted-is-shown",
        file=MATCH,
        old="    if any(_as_text(phrase) in text for phrase in query.without):",
        new="    if any(_as_text(phrase) in text for phrase in query.without[:0]):",
        breaks='-"black sun" finds Black Sun',
        tests=(f"{SEARCH}::test_phrases_and_what_is_not_wanted",),
    ),
    Mutant(
        name="phrases-are-words",
        file=MATCH,
        old="    if not all(_as_text(phrase) in text for phrase in query.phrases):",
        new="    if not all(_as_text(phrase) in text for phrase in query.phrases[:0]):",
        breaks="in scripts without spaces a phrase is any of its pairs of letters",
        tests=(f"{SEARCH}::test_phrases_and_what_is_not_wanted",),
    ),
    Mutant(
        name="one-reading",
        file="appview/search/query.py",
        old="        if self.joined == self.words:",
        new="        if self.words:",
        breaks="AC/DC is not found as ACDC",
        tests=(
            f"{SEARCH}::test_what_is_written_together_and_what_is_written_apart_are_found_together",
        ),
    ),
    Mutant(
        name="best-shelf-left-out",
        file="appview/search/shelves.py",
        old="for tier in range(TIERS)]",
        new="for tier in range(1, TIERS)]",
        breaks="the best thousand of a kind are never found",
        tests=(f"{SEARCH}::test_classes_come_in_their_order_whatever_is_liked",),
    ),
    Mutant(
        name="short-beginnings-unprepared",
        file="lexicons/terms.py",
        old="    for length in range(1, min(PREPARED_PREFIX, len(word)) + 1):",
        new="    for length in range(PREPARED_PREFIX, min(PREPARED_PREFIX, len(word)) + 1):",
        breaks="words typed by one letter or two find nothing",
        tests=(f"{SEARCH}::test_beginnings_of_several_words_are_enough",),
    ),
    Mutant(
        name="worst-of-a-shelf-first",
        file=SCHEMA,
        old="then document.at end desc, document.rank desc, document.id desc",
        new="then document.at end desc, document.rank, document.id desc",
        breaks="of a common word the least liked are found",
        tests=(f"{SEARCH}::test_a_common_word_is_found_with_the_best_first",),
    ),
    Mutant(
        name="newest-of-the-best-shelf",
        file=SCHEMA,
        old="        continue when brought >= wanted and not by_time;",
        new="        continue when brought >= wanted;",
        breaks="of a common word what nobody likes yet is not among the newest",
        tests=(f"{NARROWED}::test_a_narrowed_search_finds_what_a_look_at_everything_finds",),
    ),
    Mutant(
        name="stages-add-up",
        file=SCHEMA,
        old="            brought := case when by_time then brought else 0 end;",
        new="            brought := brought;",
        breaks="many of the very title leave out what only begins with it",
        tests=(f"{SEARCH}::test_many_of_the_very_title_leave_room_for_others",),
    ),
    Mutant(
        name="who-is-not-shown-has-nothing",
        file="appview/queries/search_tracks.py",
        old="        if author is not None and not rows:",
        new="        if author is not None and not hits:",
        breaks="a search by an author who is hidden says that there is nothing",
        tests=(f"{AUTHORS}::test_R28_an_author_who_is_not_shown_is_not_found",),
    ),
    Mutant(
        name="last-length-left-out",
        file="lexicons/terms.py",
        old="for number in range(shortest, longest + 1)]",
        new="for number in range(shortest, longest)]",
        breaks="what is a little shorter than the longest that is asked for is not found",
        tests=("tests/lexicons/test_terms.py::test_what_is_as_long_has_a_term_of_it",),
    ),
    Mutant(
        name="a-page-is-skipped",
        file="appview/search/pages.py",
        old="        rest = ids[limit:]",
        new="        rest = ids[limit + 1 :]",
        breaks="a walk leaves out a result between two pages",
        tests=(f"{SEARCH}::test_R54_a_walk_keeps_the_ranking_it_began_with",),
    ),
    Mutant(
        name="ranking-ordered-by-id",
        file="appview/search/documents.py",
        old="[rows[number] for number in ids if number in rows]",
        new="[rows[number] for number in sorted(ids) if number in rows]",
        breaks="pages behind the first are in the order of the table",
        tests=(f"{SEARCH}::test_R54_a_walk_keeps_the_ranking_it_began_with",),
    ),
    Mutant(
        name="cursor-of-any-question",
        file="appview/search/cursor.py",
        old="    if not is_ours or asked != question:",
        new="    if not is_ours:",
        breaks="a cursor goes on in the answer to another question",
        tests=(f"{QUERY}::test_a_cursor_ends_with_its_hour_and_its_question",),
    ),
    Mutant(
        name="slips-unbounded",
        file=MATCH,
        old="    return 1 if len(word) < 8 else 2 if len(word) < 12 else 3",
        new="    return 3",
        breaks="a short word is found as quite another",
        tests=(f"{SEARCH}::test_a_short_word_forgives_one_slip",),
    ),
    Mutant(
        name="renamed-but-found-as-before",
        file="indexer/search/follow.py",
        old="        if renamed:\n",
        new="        if not renamed:\n",
        breaks="lists and albums carry the name that their author had",
        tests=(f"{FOLLOWING}::test_a_new_name_reaches_all_that_carries_it",),
    ),
)
