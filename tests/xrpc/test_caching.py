"""Who has an answer already (RFC 9110, section 13)."""

import pytest

from xrpc.caching import has_already

ETAG = '"bafy"'


@pytest.mark.parametrize(
    ("known", "has"),
    [
        (ETAG, True),
        (f'"x", W/{ETAG}', True),
        ("*", True),
        ('"x"', False),
        ("bafy", False),
        ("", False),
    ],
)
def test_who_names_the_tag_has_the_answer_already(known: str, has: bool) -> None:
    assert has_already(known, ETAG) == has


@pytest.mark.parametrize(("known", "has"), [('W/"x"', True), ('"x"', True), ('W/"y"', False)])
def test_a_tag_that_is_weak_itself_is_known_by_both_its_forms(known: str, has: bool) -> None:
    assert has_already(known, 'W/"x"') == has
