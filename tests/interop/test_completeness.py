"""Checklist 140: every vector there is, and none that passes because it was not found."""

import json
from collections.abc import Iterable
from pathlib import Path

from tests.interop import test_data_model, test_lexicon, test_syntax
from tests.interop.vectors import INTEROP, require_interop

require_interop()


def count(names: Iterable[str]) -> int:
    return sum(len(json.loads((INTEROP / name).read_text("utf-8"))) for name in names)


def used(test: object) -> int:
    (mark,) = test.pytestmark  # type: ignore[attr-defined] # pytest's
    return len(mark.args[1])


def vector_lines(files: Iterable[Path]) -> int:
    """Counted apart from the tests' own reading."""
    lines = [line for file in files for line in file.read_bytes().split(b"\n")]
    return sum(line != b"" and line[:1] != b"#" for line in lines)


def test_case_140_all_24_syntax_files_are_passed_and_refused_to_the_line() -> None:
    files = list((INTEROP / "syntax").iterdir())
    assert len(files) == 24
    valid = [file for file in files if file.stem.endswith("_valid")]
    assert len(valid) == 11
    assert used(test_syntax.test_a_valid_vector_is_accepted) == vector_lines(valid)
    refused = [file for file in files if file not in valid]
    assert used(test_syntax.test_an_invalid_vector_is_refused) == vector_lines(refused)


def test_case_140_all_20_data_model_vectors_are_used() -> None:
    names = [f"data-model/data-model-{kind}.json" for kind in ("fixtures", "valid", "invalid")]
    assert count(names) == 20
    tests = (
        test_data_model.test_a_fixture_has_the_same_json_bytes_and_cid,
        test_data_model.test_valid_data_is_accepted,
        test_data_model.test_invalid_data_is_refused,
    )
    assert sum(map(used, tests)) == 20


def test_case_140_all_10_lexicons_are_used() -> None:
    assert count(f"lexicon/lexicon-{verdict}.json" for verdict in ("valid", "invalid")) == 10
    tests = (
        test_lexicon.test_a_valid_lexicon_is_loaded,
        test_lexicon.test_an_invalid_lexicon_is_refused,
    )
    assert sum(map(used, tests)) == 10


def test_case_140_all_53_records_are_used() -> None:
    assert count(f"lexicon/record-data-{verdict}.json" for verdict in ("valid", "invalid")) == 53
    tests = (
        test_lexicon.test_a_valid_record_is_accepted,
        test_lexicon.test_an_invalid_record_is_refused,
    )
    assert sum(map(used, tests)) == 53
