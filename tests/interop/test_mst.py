import json
from typing import Any

import pytest

from indexer.repo.node import common_prefix, height_of
from tests.interop.vectors import INTEROP, cases, require_interop

require_interop()


@pytest.mark.parametrize("vector", cases("mst/key_heights.json"))
def test_case_53_a_key_has_its_height(vector: dict[str, Any]) -> None:
    assert height_of(vector["key"].encode()) == vector["height"]


@pytest.mark.parametrize("vector", cases("mst/common_prefix.json"))
def test_case_53_two_keys_share_their_prefix(vector: dict[str, Any]) -> None:
    assert common_prefix(vector["left"].encode(), vector["right"].encode()) == vector["len"]


def test_case_53_the_example_keys_are_of_the_height_in_their_name() -> None:
    keys = (INTEROP / "mst/example_keys.txt").read_text().split()
    assert len(keys) == 156
    assert [height_of(key.encode()) for key in keys] == [int(key[1]) for key in keys]


def test_no_vector_was_left_out() -> None:
    counts = {"mst/key_heights.json": 9, "mst/common_prefix.json": 13}
    assert {name: len(json.loads((INTEROP / name).read_text())) for name in counts} == counts
