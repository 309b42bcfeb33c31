"""Bugs in the pages that people and other sites see."""

from tests.mutants.mutant import Mutant

PAGES = "tests/appview/test_pages.py"

SHOWN = (
    Mutant(
        name="page-unescaped",
        file="appview/pages/html.py",
        old="            autoescape=True,\n",
        new="",
        breaks="a title can run a script in our name",
        tests=(f"{PAGES}::test_words_of_strangers_stay_words",),
    ),
    Mutant(
        name="page-framed-by-anyone",
        file="appview/pages/html.py",
        old='"*" if framed else "\'none\'"',
        new='"*"',
        breaks="another site can put its own words over a page of ours",
        tests=(f"{PAGES}::test_a_page_runs_nothing_and_is_framed_by_nobody_but_its_embedded_form",),
    ),
    Mutant(
        name="page-kept-too-long",
        file="xrpc/caching.py",
        old='ASKED_FOR_EACH_TIME: Final = "public, no-cache"',
        new='ASKED_FOR_EACH_TIME: Final = "public, max-age=600"',
        breaks="what is taken down stays in the caches before us",
        tests=(f"{PAGES}::test_a_page_that_did_not_change_is_not_sent_again",),
    ),
)
