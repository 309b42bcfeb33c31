"""Which spellings are the same, and which are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexicons.text import TITLE_KEY_CHARACTERS, fold, title_key


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("  Night \t\u2003Drive\n", "night drive"),
        ("Tūnņg", "tunng"),
        ("BJÖRK", "bjork"),
        ("Bjo\u0308rk", "bjork"),
        ("Sigur Rós – Ágætis byrjun", "sigur ros - agaetis byrjun"),
        ("Straße", "strasse"),
        ("Łódź", "lodz"),
        ("İstanbul ıssız", "istanbul issiz"),
        ("ＦＵＬＬ　ｗｉｄｔｈ", "full width"),
        ("Don’t", "don't"),
        ("ﬁne…", "fine..."),
        ("℡", "tel"),
        ("Ἀθῆναι", "αθηναι"),
        ("Всё", "все"),
        ("سَلَام", "سلام"),
        ("a\u200bb\u00adc", "abc"),
        ("❤\ufe0f", "❤"),
        ("한국어", "한국어"),
    ],
)
def test_case_accents_and_spaces_fold(written: str, folded: str) -> None:
    assert fold(written) == folded


@pytest.mark.parametrize(
    ("one", "other"),
    [("バス", "ハス"), ("कि", "कु"), ("ขาว", "ข้าว"), ("???", "!!!"), ("夜", "朝"), ("C", "C#")],
)
def test_other_words_stay_other_words(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_case_never_makes_another_title(text: str) -> None:
    assert fold(text.casefold()) == fold(text)


@given(st.text(max_size=400))
def test_a_key_is_bounded_and_only_an_empty_title_has_none(text: str) -> None:
    key = title_key(text)
    assert (key is None) == (not text.split())
    assert key is None or 0 < len(key) <= TITLE_KEY_CHARACTERS


def test_R51_titles_of_which_folding_leaves_nothing_stay_apart() -> None:
    assert title_key("\u0301") != title_key("\u0302")
