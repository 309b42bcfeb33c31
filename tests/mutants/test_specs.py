"""The planted bugs still fit the code: whether they are noticed is what `make mutants` says."""

import re

import pytest

from tests.mutants.catalog import MUTANTS
from tests.mutants.copies import PARTS, ROOT
from tests.mutants.mutant import Mutant
from tests.mutants.trial import Verdict, read


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_can_be_planted(mutant: Mutant) -> None:
    assert mutant.file.split("/")[0] in set(PARTS) - {"tests"}
    source = (ROOT / mutant.file).read_text()
    assert source.count(mutant.old) == 1
    planted = mutant.planted(source)
    assert planted != source
    if mutant.file.endswith(".py"):
        compile(planted, mutant.file, "exec")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_tests_of_a_mutant_are_there(mutant: Mutant) -> None:
    assert mutant.tests
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE), test


def test_mutants_are_told_apart() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert len({(mutant.file, mutant.old, mutant.new) for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize(
    ("cases", "verdict"),
    [
        ('<testcase name="a"/>', (Verdict.PASSED, "")),
        ('<testcase name="a"/><testcase name="b"><failure/></testcase>', (Verdict.FAILED, "b")),
        ('<testcase name="a"><error/></testcase>', (Verdict.UNFIT, "a")),
        ('<testcase name="a"><skipped/></testcase>', (Verdict.UNFIT, "a")),
        ("", (Verdict.UNFIT, "")),
    ],
)
def test_only_a_test_that_fails_notices_a_bug(cases: str, verdict: tuple[Verdict, str]) -> None:
    assert read(f"<testsuites><testsuite>{cases}</testsuite></testsuites>") == verdict
