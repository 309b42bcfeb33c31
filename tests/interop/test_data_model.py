import base64
from typing import Any

import pytest

from lexicons.cid import cid_text, dag_cbor_cid
from lexicons.data_model import InvalidData, decode, decode_record, encode, from_json, to_json
from tests.interop.vectors import cases, require_interop

require_interop()


@pytest.mark.parametrize("vector", cases("data-model/data-model-fixtures.json"))
def test_a_fixture_has_the_same_json_bytes_and_cid(vector: dict[str, Any]) -> None:
    block = base64.b64decode(vector["cbor_base64"] + "==")
    assert decode(block) == from_json(vector["json"])
    assert to_json(decode(block)) == vector["json"]
    assert encode(from_json(vector["json"])) == block
    assert cid_text(dag_cbor_cid(block)) == vector["cid"]


@pytest.mark.parametrize("vector", cases("data-model/data-model-valid.json"))
def test_valid_data_is_accepted(vector: dict[str, Any]) -> None:
    record = from_json(vector["json"])
    assert decode_record(encode(record)) == record


@pytest.mark.parametrize("vector", cases("data-model/data-model-invalid.json"))
def test_invalid_data_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(InvalidData):
        decode_record(encode(from_json(vector["json"])))
