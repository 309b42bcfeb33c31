import json
from typing import Any

import pytest

from lexicons.catalog import Catalog
from lexicons.data_model import InvalidData, from_json
from lexicons.schema import Invalid, InvalidLexicon
from tests.interop.vectors import INTEROP, cases, require_interop

require_interop()

COLLECTION = "example.lexicon.record"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    files = sorted((INTEROP / "lexicon" / "catalog").glob("*.json"))
    return Catalog(json.loads(file.read_text("utf-8")) for file in files)


@pytest.mark.parametrize("vector", cases("lexicon/lexicon-valid.json"))
def test_a_valid_lexicon_is_loaded(vector: dict[str, Any]) -> None:
    assert list(Catalog([vector["lexicon"]]).documents) == [vector["lexicon"]["id"]]


@pytest.mark.parametrize("vector", cases("lexicon/lexicon-invalid.json"))
def test_an_invalid_lexicon_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(InvalidLexicon):
        Catalog([vector["lexicon"]])


def test_the_catalog_has_every_kind_of_document(catalog: Catalog) -> None:
    assert len(catalog.documents) == 5
    assert catalog.collections == {COLLECTION}
    assert {method.kind for method in catalog.methods.values()} == {
        "query",
        "procedure",
        "subscription",
    }


@pytest.mark.parametrize("vector", cases("lexicon/record-data-valid.json"))
def test_a_valid_record_is_accepted(catalog: Catalog, vector: dict[str, Any]) -> None:
    catalog.validate_record(COLLECTION, vector["rkey"], from_json(vector["data"]))


@pytest.mark.parametrize("vector", cases("lexicon/record-data-invalid.json"))
def test_an_invalid_record_is_refused(catalog: Catalog, vector: dict[str, Any]) -> None:
    with pytest.raises((Invalid, InvalidData)):
        catalog.validate_record(COLLECTION, vector["rkey"], from_json(vector["data"]))


UNKNOWN = [vector for vector in cases("lexicon/record-data-invalid.json") if "unknown" in vector.id]


@pytest.mark.parametrize("vector", UNKNOWN)
def test_only_the_unknown_field_is_to_blame(catalog: Catalog, vector: dict[str, Any]) -> None:
    """These vectors also miss a required field, which would hide a check that is not made."""
    with pytest.raises(Invalid) as error:
        catalog.validate_record(COLLECTION, "demo", from_json({**vector["data"], "integer": 1}))
    assert error.value.path == "unknown"
