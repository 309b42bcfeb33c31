"""Words are cut alike from what is written and from what is typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexicons.terms import attribute, document_terms, misspellings, pairs
from lexicons.words import MAX_WORD_CHARACTERS, MAX_WORDS, cut, is_sign, is_unspaced, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Björk – Jóga", ("bjork", "joga")),
        ("STRASSE", ("strasse",)),
        ("Straße", ("strasse",)),
        ("Ørsted, Łódź", ("orsted", "lodz")),
        ("don’t Don't", ("dont", "dont")),
        ("Ｆｕｌｌ width", ("full", "width")),
        ("İstanbul", ("istanbul",)),
        ("Ёлка Й", ("елка", "и")),
        ("Σίσυφος ΣΙΣΥΦΟΣ", ("σισυφοσ", "σισυφοσ")),
        ("أغنية اغنية", ("اغنية", "اغنية")),
        ("हिन्दी गाना", ("हिन्दी", "गाना")),
        ("東京の夜 nights", ("東京の夜", "nights")),
        ("ガラス がらす ｶﾞﾗｽ", ("がらす", "がらす", "がらす")),
        ("🔥love🔥", ("🔥", "love", "🔥")),
        ("rock & roll!!! (2024)", ("rock", "roll", "2024")),
        ("… --- ?!", ("...", "---", "?!")),
        ("÷", ("÷",)),
        ("100 % !!!", ("100",)),
        ("% _ \\ ' \"", ()),
    ],
)
def test_what_differs_only_in_how_it_is_written_is_the_same(
    text: str, found: tuple[str, ...]
) -> None:
    assert words(text) == found


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("AC/DC", ("acdc",)),
        ("R.E.M. live", ("rem",)),
        ("lo-fi beats", ("lofi",)),
        ("one two", ()),
        ("one, two", ()),
        ("夜-night", ()),
    ],
)
def test_punctuation_joins_words_too(text: str, joined: tuple[str, ...]) -> None:
    assert cut(text).joined == joined


@pytest.mark.parametrize(
    ("text", "parted"),
    [
        ("Rock’n'Roll", ("rock", "n", "roll")),
        ("L'amour, d’Angelo", ("amour", "angelo")),
        ("'Til Don't rockin'", ("don",)),
        ("Qu'est-ce que", ("qu", "est", "ce")),
        ("rock n roll", ()),
    ],
)
def test_an_apostrophe_parts_words_too(text: str, parted: tuple[str, ...]) -> None:
    assert cut(text).parted == parted


@given(st.text(max_size=600))
def test_whatever_is_cut_is_bounded_and_of_words(text: str) -> None:
    found = cut(text)
    assert len(found.words) <= MAX_WORDS
    for word in (*found.words, *found.joined, *found.parted):
        assert 0 < len(word) <= MAX_WORD_CHARACTERS
        assert not set(word) & set(" \t\n'\"\\%_")
        assert is_sign(word) or not set(word) & set("&|!:()")


@given(st.text(max_size=100))
def test_to_cut_what_was_cut_changes_nothing(text: str) -> None:
    found = words(text)
    assert words(" ".join(found)) == found


def test_a_sign_is_no_word_and_found_by_any_part() -> None:
    assert is_sign("!!!") and is_unspaced("!!!")
    assert not any(map(is_sign, ("a", "東", "🔥", "7", "गाना")))


def test_some_scripts_write_words_in_one_another() -> None:
    assert all(map(is_unspaced, ("夜明け", "ขาว", "ハス", "한국어")))
    assert not any(map(is_unspaced, ("night", "ночь", "कि")))


@given(st.text(alphabet="東京の夜사랑", min_size=2, max_size=12), st.data())
def test_a_part_of_an_unspaced_word_shares_its_pairs(word: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(word) - 2))
    end = data.draw(st.integers(start + 2, len(word)))
    assert set(pairs(word[start:end])) <= set(pairs(word))


@given(st.text(alphabet="abcd", min_size=4, max_size=9), st.data())
def test_two_spellings_one_slip_apart_have_one_in_common(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(word) - 2))
    letter = data.draw(st.sampled_from("abcd"))
    slips = [
        word[:place] + word[place + 1 :],
        word[:place] + letter + word[place:],
        word[:place] + letter + word[place + 1 :],
        word[:place] + word[place + 1] + word[place] + word[place + 2 :],
    ]
    for other in slips:
        assert misspellings(word) & misspellings(other), other


def test_no_term_is_longer_than_postgres_takes() -> None:
    fields = [cut("ẞ" * 5000), cut("夜" * 5000), cut(""), cut("")]
    terms = document_terms(fields) | {attribute("author", "did:web:" + "ẞ" * 3000)}
    assert max(len(term.encode()) for term in terms) < 2_000
