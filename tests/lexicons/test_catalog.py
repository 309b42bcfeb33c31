import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexicons.catalog import Catalog, load_catalog
from lexicons.schema import Invalid, InvalidLexicon
from tests.lexicons.strategies import ANYTHING

CATALOG = load_catalog()


def catalog_of(**main: object) -> Catalog:
    return Catalog([{"lexicon": 1, "id": "a.b.c", "defs": {"main": main}}])


def record(key: object) -> dict[str, Any]:
    return {"type": "record", "key": key, "record": {"type": "object"}}


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("tid", "3kznmn7xqxl22", "self"),
        ("nsid", "a.b.c", "a.b"),
        ("any", "~", ".."),
        ("literal:self", "self", "Self"),
    ],
)
def test_a_record_key_follows_its_type(key: str, good: str, bad: str) -> None:
    catalog = catalog_of(**record(key))
    catalog.validate_record("a.b.c", good, {"$type": "a.b.c"})
    with pytest.raises(Invalid) as error:
        catalog.validate_record("a.b.c", bad, {"$type": "a.b.c"})
    assert error.value.path == "rkey"


@pytest.mark.parametrize("value", [{}, {"$type": "a.b.d"}, {"$type": "a.b.c#main"}, {"$type": 1}])
def test_a_record_says_its_collection(value: object) -> None:
    with pytest.raises(Invalid) as error:
        catalog_of(**record("any")).validate_record("a.b.c", "self", value)
    assert error.value.path == "$type"


@pytest.mark.parametrize("value", [None, [], "a.b.c"])
def test_a_record_is_an_object(value: object) -> None:
    with pytest.raises(Invalid):
        catalog_of(**record("any")).validate_record("a.b.c", "self", value)


def test_a_collection_without_lexicon_is_invalid() -> None:
    with pytest.raises(Invalid, match=r"no lexicon defines the record x\.y\.z"):
        load_catalog().validate_record("x.y.z", "self", {"$type": "x.y.z"})


BAD_MAINS: list[dict[str, Any]] = [
    record("literal:"),
    record("uuid"),
    record(None),
    {"type": "record", "key": "any"},
    {"type": "query", "parameters": {"type": "object"}},
    {"type": "query", "output": {"schema": {"type": "object"}}},
    {"type": "query", "output": {"encoding": "application/json", "schema": {"type": "string"}}},
    {"type": "query", "errors": ["TrackNotFound"]},
    {"type": "subscription", "message": {"schema": {"type": "object"}}},
    {"type": "permission-set"},
    {"type": "permission-set", "permissions": [{"type": "permission"}]},
]


@pytest.mark.parametrize("main", BAD_MAINS)
def test_a_main_definition_that_says_nonsense_is_refused(main: dict[str, Any]) -> None:
    with pytest.raises(InvalidLexicon):
        catalog_of(**main)


BAD_DOCUMENTS: list[Any] = [
    [],
    {"lexicon": True, "id": "a.b.c", "defs": {"x": {"type": "object"}}},
    {"lexicon": 2, "id": "a.b.c", "defs": {"x": {"type": "object"}}},
    {"lexicon": 1, "id": "a.b.c", "defs": {}},
    {"lexicon": 1, "id": "a.b.c", "defs": {"x": []}},
    {"lexicon": 1, "id": "a.b.c", "defs": {"": {"type": "object"}}},
    {"lexicon": 1, "id": "a.b.c", "defs": {"x": {"type": "union", "refs": []}}},
    {"lexicon": 1, "id": "a.b.c", "defs": {"x": {"type": "query"}}},
]


@pytest.mark.parametrize("document", BAD_DOCUMENTS)
def test_a_document_of_another_form_is_refused(document: object) -> None:
    with pytest.raises(InvalidLexicon):
        Catalog([document])


def test_no_two_documents_have_one_id() -> None:
    document = {"lexicon": 1, "id": "a.b.c", "defs": {"x": {"type": "object"}}}
    with pytest.raises(InvalidLexicon, match="same id"):
        Catalog([document, document])


def test_a_primary_type_of_a_later_version_is_left_out() -> None:
    catalog = catalog_of(type="space", key="any")
    assert list(catalog.documents) == ["a.b.c"]
    assert not catalog.collections


def test_a_method_says_what_it_takes_and_gives() -> None:
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    body = {"encoding": "application/json", "schema": schema}
    errors = [{"name": "One"}, {"name": "Two", "description": "…"}]
    method = catalog_of(type="procedure", input=body, output=body, errors=errors).methods["a.b.c"]
    assert (method.kind, method.errors) == ("procedure", ("One", "Two"))
    assert method.input is not None
    assert method.input.validate({"a": 1.0}) == {"a": 1}
    method.validate_output({"a": 1})
    for wrong in ({}, {"a": "1"}, {"a": 1.5}, {"a": 1, "b": {"$link": 1}}):
        with pytest.raises(Invalid):
            method.validate_output(wrong)


def test_the_namespace_moves_records_and_no_method() -> None:
    catalog, moved = load_catalog(), load_catalog("fm.plyr.dev")
    assert moved.collections == {
        "app.bsky.actor.profile",
        "fm.plyr.dev.actor.profile",
        "fm.plyr.dev.comment",
        "fm.plyr.dev.like",
        "fm.plyr.dev.list",
        "fm.plyr.dev.track",
    }
    assert moved.methods.keys() == catalog.methods.keys()
    assert moved.documents["fm.plyr.dev.track"]["id"] == "fm.plyr.dev.track"
    with pytest.raises(Invalid):
        moved.validate_record("fm.plyr.track", "3kznmn7xqxl22", {"$type": "fm.plyr.track"})


@pytest.mark.parametrize("namespace", ["", "plyr", "fm.plyr.", "fm.plyr/dev", 'fm."plyr'])
def test_a_namespace_has_the_form_of_one(namespace: str) -> None:
    with pytest.raises(InvalidLexicon, match="namespace"):
        load_catalog(namespace)


@pytest.mark.parametrize("collection", sorted(CATALOG.collections))
@given(data=st.data())
def test_any_values_of_its_fields_are_a_record_or_invalid(
    collection: str, data: st.DataObject
) -> None:
    main = CATALOG.documents[collection]["defs"]["main"]
    fields = dict.fromkeys(main["record"]["properties"], ANYTHING)
    required = {name: fields.pop(name) for name in main["record"].get("required", ())}
    value = data.draw(st.fixed_dictionaries(required, optional=fields))
    key = "3kznmn7xqxl22" if main["key"] == "tid" else "self"
    with contextlib.suppress(Invalid):
        CATALOG.validate_record(collection, key, {"$type": collection, **value})
