"""What no interop vector says about single fields."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexicons.catalog import Catalog
from lexicons.cid import Cid, dag_cbor_cid, raw_cid
from lexicons.data_model import Value
from lexicons.schema import Invalid, InvalidLexicon
from tests.lexicons.strategies import ANYTHING, VALUES

AUDIO = Cid(raw_cid(b"audio"))
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f467"


def catalog_of(field: dict[str, Any], **definitions: object) -> Catalog:
    value = {"type": "object", "properties": {"field": field}}
    return Catalog([{"lexicon": 1, "id": "a.b.c", "defs": {"value": value, **definitions}}])


def accepts(field: dict[str, Any], value: Value, **definitions: object) -> bool:
    try:
        catalog_of(field, **definitions).validate("a.b.c#value", {"field": value})
    except Invalid as error:
        assert error.path.startswith("field")
        return False
    return True


def blob(**changes: Value) -> dict[str, Value]:
    return {"$type": "blob", "ref": AUDIO, "mimeType": "audio/mpeg", "size": 10, **changes}


ACCEPTED: list[tuple[dict[str, Any], Value]] = [
    ({"type": "boolean"}, False),
    ({"type": "boolean", "const": False}, False),
    ({"type": "integer", "const": 0}, 0),
    ({"type": "integer", "enum": [0]}, 0),
    ({"type": "integer", "minimum": 0}, 0),
    ({"type": "integer", "maximum": 0}, -1),
    ({"type": "integer"}, -(2**63)),
    ({"type": "string"}, "\0"),
    ({"type": "string", "maxLength": 0}, ""),
    ({"type": "string", "const": ""}, ""),
    ({"type": "string", "maxLength": 3}, "a\0b"),
    ({"type": "string", "maxLength": 4}, "éé"),
    ({"type": "string", "minLength": 4}, "éé"),
    ({"type": "string", "maxGraphemes": 1}, FAMILY),
    ({"type": "string", "maxGraphemes": 1}, "e\u0301"),
    ({"type": "string", "maxGraphemes": 1}, "\r\n"),
    ({"type": "string", "minGraphemes": 2}, "ab"),
    ({"type": "string", "knownValues": ["a"]}, "b"),
    ({"type": "bytes", "maxLength": 0}, b""),
    ({"type": "cid-link"}, AUDIO),
    ({"type": "blob"}, blob()),
    ({"type": "blob"}, blob(size=0)),
    ({"type": "blob", "maxSize": 10}, blob()),
    ({"type": "blob", "accept": ["*/*"]}, blob()),
    ({"type": "blob", "accept": ["image/png", "audio/*"]}, blob()),
    ({"type": "blob", "accept": ["audio/mpeg"]}, blob()),
    ({"type": "blob"}, blob(later="field")),
    ({"type": "blob"}, blob(ref=Cid(dag_cbor_cid(b"")))),  # as the interop vectors have it
    ({"type": "array", "items": {"type": "integer"}, "maxLength": 0}, []),
    ({"type": "object"}, {"unknown": "field", "$later": None}),
    ({"type": "unknown"}, {}),
    ({"type": "unknown"}, {"$type": "d.e.f", "a": AUDIO}),
    ({"type": "of-a-later-version"}, 17),
]


@pytest.mark.parametrize(("field", "value"), ACCEPTED)
def test_a_fitting_value_is_accepted(field: dict[str, Any], value: Value) -> None:
    assert accepts(field, value)


REFUSED: list[tuple[dict[str, Any], Value]] = [
    ({"type": "boolean"}, 0),
    ({"type": "boolean", "const": False}, True),
    ({"type": "boolean", "const": True}, False),
    ({"type": "integer"}, True),
    ({"type": "integer"}, 2**63),
    ({"type": "integer", "const": 0}, False),
    ({"type": "integer", "const": 0}, 1),
    ({"type": "integer", "enum": []}, 0),
    ({"type": "integer", "minimum": 0}, -1),
    ({"type": "integer", "maximum": 0}, 1),
    ({"type": "string", "maxLength": 0}, "a"),
    ({"type": "string", "const": ""}, "a"),
    ({"type": "string", "maxLength": 3}, "éé"),
    ({"type": "string", "minLength": 5}, "éé"),
    ({"type": "string", "maxLength": 9}, "\ud800"),
    ({"type": "string", "maxGraphemes": 1}, FAMILY + FAMILY),
    ({"type": "string", "minGraphemes": 2}, FAMILY),
    ({"type": "string", "format": "uri"}, "https://a.b/\ud800"),
    ({"type": "bytes"}, "AA"),
    ({"type": "bytes", "maxLength": 0}, b"a"),
    ({"type": "bytes", "minLength": 2}, b"a"),
    ({"type": "cid-link"}, str(AUDIO)),
    ({"type": "cid-link"}, AUDIO.raw),
    ({"type": "blob"}, blob(ref=str(AUDIO))),
    ({"type": "blob"}, blob(size=True)),
    ({"type": "blob"}, blob(size=-1)),
    ({"type": "blob"}, blob(mimeType="")),
    ({"type": "blob"}, {"cid": str(AUDIO), "mimeType": "audio/mpeg"}),
    ({"type": "blob", "maxSize": 9}, blob()),
    ({"type": "blob", "maxSize": 0}, blob()),
    ({"type": "blob", "accept": ["image/*"]}, blob()),
    ({"type": "blob", "accept": ["audio/*"]}, blob(mimeType="audiobook/x")),
    ({"type": "blob", "accept": ["audio/mp*"]}, blob()),
    ({"type": "array", "items": {"type": "integer"}, "maxLength": 0}, [1]),
    ({"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}, [[1], ["a"]]),
    ({"type": "object"}, []),
    ({"type": "unknown"}, blob()),
    ({"type": "unknown"}, AUDIO),
    ({"type": "unknown"}, b""),
    ({"type": "unknown"}, []),
    ({"type": "unknown"}, None),
]


@pytest.mark.parametrize(("field", "value"), REFUSED)
def test_another_value_is_refused(field: dict[str, Any], value: Value) -> None:
    assert not accepts(field, value)


def test_null_is_not_absent() -> None:
    fields = {"a": {"type": "integer"}, "b": {"type": "integer"}}
    value = {"type": "object", "required": ["b"], "nullable": ["b"], "properties": fields}
    catalog = Catalog([{"lexicon": 1, "id": "a.b.c", "defs": {"value": value}}])
    catalog.validate("a.b.c#value", {"b": None})
    wrongs: list[tuple[dict[str, Value], str]] = [({}, "b"), ({"a": None, "b": 1}, "a")]
    for wrong, path in wrongs:
        with pytest.raises(Invalid) as error:
            catalog.validate("a.b.c#value", wrong)
        assert error.value.path == path


def test_an_error_says_where_and_what() -> None:
    item = {"type": "object", "properties": {"did": {"type": "string", "format": "did"}}}
    catalog = catalog_of({"type": "array", "items": item})
    with pytest.raises(Invalid) as error:
        catalog.validate("a.b.c#value", {"field": [{}, {"did": "me"}]})
    assert error.value.path == "field/1/did"
    assert str(error.value) == "field/1/did: expected the format did, got 'me'"


UNION = {"type": "union", "refs": ["#one", "d.e.f#elsewhere"]}
ONE = {"type": "object", "properties": {"a": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("value", "when_open", "when_closed"),
    [
        ({"$type": "a.b.c#one", "a": 1}, True, True),
        ({"$type": "a.b.c#one", "a": "1"}, False, False),
        ({"$type": "d.e.f#elsewhere", "a": "1"}, True, False),
        ({"$type": "x.y.z", "a": "1"}, True, False),
        ({"$type": 1}, False, False),
        ({"a": 1}, False, False),
        ([], False, False),
    ],
)
def test_a_union_goes_by_type(value: Value, *, when_open: bool, when_closed: bool) -> None:
    assert accepts(UNION, value, one=ONE) == when_open
    assert accepts({**UNION, "closed": True}, value, one=ONE) == when_closed


def test_the_main_definition_goes_by_two_names() -> None:
    main = {"type": "object", "properties": {"a": {"type": "integer"}}}
    for ref in ("a.b.c", "a.b.c#main", "#main"):
        for name in ("a.b.c", "a.b.c#main"):
            union = {"type": "union", "refs": [ref], "closed": True}
            assert accepts(union, {"$type": name, "a": 1}, main=main)
            assert not accepts(union, {"$type": name, "a": "1"}, main=main)


def test_a_ref_to_an_absent_document_fails_only_when_used() -> None:
    field = {"type": "ref", "ref": "d.e.f#elsewhere"}
    catalog_of(field).validate("a.b.c#value", {})
    with pytest.raises(Invalid, match=r"no lexicon defines d\.e\.f#elsewhere"):
        catalog_of(field).validate("a.b.c#value", {"field": {}})


def test_a_definition_of_a_later_version_is_left_out() -> None:
    field = {"type": "ref", "ref": "#room"}
    catalog = catalog_of(field, room={"type": "space"})
    catalog.validate("a.b.c#value", {})
    with pytest.raises(Invalid, match="no lexicon defines"):
        catalog.validate("a.b.c#value", {"field": {}})


def test_a_token_is_never_data() -> None:
    assert not accepts({"type": "ref", "ref": "#t"}, "a.b.c#t", t={"type": "token"})


BAD_FIELDS: list[Any] = [
    None,
    {},
    {"type": 1},
    {"type": "array"},
    {"type": "array", "items": {}},
    {"type": "boolean", "const": 1},
    {"type": "integer", "minimum": 1.5},
    {"type": "integer", "minimum": True},
    {"type": "integer", "minimum": 2, "maximum": 1},
    {"type": "integer", "enum": ["1"]},
    {"type": "integer", "const": 1, "default": 1},
    {"type": "integer", "const": 0, "default": 0},
    {"type": "string", "const": "a", "default": "a"},
    {"type": "string", "enum": ["a"], "default": "b"},
    {"type": "string", "format": "datetme"},
    {"type": "string", "format": ["uri"]},
    {"type": "string", "maxLength": "5"},
    {"type": "string", "knownValues": "a"},
    {"type": "blob", "accept": "audio/*"},
    {"type": "object", "required": ["a"]},
    {"type": "object", "nullable": ["a"]},
    {"type": "object", "properties": []},
    {"type": "ref"},
    {"type": "ref", "ref": "#nothing"},
    {"type": "ref", "ref": "nothing"},
    {"type": "union", "refs": [], "closed": True},
    {"type": "union", "refs": ["#nothing"]},
]


@pytest.mark.parametrize("field", BAD_FIELDS)
def test_a_schema_that_says_nonsense_is_refused(field: dict[str, Any]) -> None:
    with pytest.raises(InvalidLexicon):
        catalog_of(field)


TREE = {
    "type": "object",
    "properties": {
        "branches": {"type": "array", "items": {"type": "ref", "ref": "#tree"}},
        "any": {"type": "union", "refs": ["#tree"]},
    },
}


@pytest.mark.parametrize("by_union", [False, True])
def test_hostile_nesting_is_invalid_and_no_more(*, by_union: bool) -> None:
    catalog = catalog_of({"type": "ref", "ref": "#tree"}, tree=TREE)
    nested: Value = {"$type": "a.b.c#tree"}
    for _ in range(100_000):
        nested = {
            "$type": "a.b.c#tree",
            **({"any": nested} if by_union else {"branches": [nested]}),
        }
    with pytest.raises(Invalid, match="nested deeper"):
        catalog.validate("a.b.c#value", {"field": nested})


@given(VALUES | ANYTHING, st.sampled_from([field for field, _ in ACCEPTED + REFUSED] + [UNION]))
def test_any_value_is_accepted_or_invalid(value: Value, field: dict[str, Any]) -> None:
    with contextlib.suppress(Invalid):
        catalog_of(field, one=ONE).validate("a.b.c#value", {"field": value})
