import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexicons.catalog import Catalog
from lexicons.schema import Invalid, InvalidLexicon


def params_of(required: list[str] | None = None, **properties: object) -> Any:
    params = {"type": "params", "required": required or [], "properties": properties}
    main = {"type": "query", "parameters": params}
    catalog = Catalog([{"lexicon": 1, "id": "a.b.c", "defs": {"main": main}}])
    return catalog.methods["a.b.c"].parse_params


INTEGER = {"type": "integer"}
BOOLEAN = {"type": "boolean"}
STRING = {"type": "string"}
INTEGERS = {"type": "array", "items": INTEGER, "maxLength": 2}
LIMIT = {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}


@pytest.mark.parametrize(
    ("schema", "texts", "expected"),
    [
        (INTEGER, ["0"], 0),
        (INTEGER, ["-5"], -5),
        (INTEGER, ["007"], 7),
        (INTEGER, ["9223372036854775807"], 2**63 - 1),
        (BOOLEAN, ["true"], True),
        (BOOLEAN, ["false"], False),
        (STRING, ["1"], "1"),
        (STRING, [" \0 "], " \0 "),
        (STRING, ["", "a", ""], "a"),
        (INTEGERS, ["1"], [1]),
        (INTEGERS, ["2", "", "1"], [2, 1]),
        (LIMIT, ["1"], 1),
        (LIMIT, ["100"], 100),
    ],
)
def test_text_becomes_a_value(schema: object, texts: list[str], expected: object) -> None:
    parsed = params_of(it=schema)([("it", text) for text in texts])
    assert parsed == {"it": expected}
    assert type(parsed["it"]) is type(expected)


@pytest.mark.parametrize(
    ("schema", "texts"),
    [
        (INTEGER, ["1.0"]),
        (INTEGER, ["1e3"]),
        (INTEGER, [" 1"]),
        (INTEGER, ["+1"]),
        (INTEGER, ["1_000"]),
        (INTEGER, ["\u0661"]),
        (INTEGER, ["one"]),
        (INTEGER, ["9223372036854775808"]),
        (INTEGER, ["9" * 5000]),
        (INTEGER, ["1", "1"]),
        (BOOLEAN, ["1"]),
        (BOOLEAN, ["True"]),
        (STRING, ["a", "a"]),
        ({"type": "string", "format": "did"}, ["me"]),
        ({"type": "string", "enum": ["new", "old"]}, ["top"]),
        ({"type": "string", "maxLength": 1}, ["ab"]),
        (INTEGERS, ["1", "2", "3"]),
        (INTEGERS, ["1", "x"]),
        (LIMIT, ["0"]),
        (LIMIT, ["101"]),
    ],
)
def test_other_text_is_invalid_and_the_parameter_named(schema: object, texts: list[str]) -> None:
    with pytest.raises(Invalid) as error:
        params_of(it=schema)([("it", text) for text in texts])
    assert error.value.path.partition("/")[0] == "it"
    assert str(error.value).startswith("it")


def test_an_absent_parameter_has_its_default_be_it_0_or_false() -> None:
    zero, no = {"type": "integer", "default": 0}, {"type": "boolean", "default": False}
    parse = params_of(zero=zero, no=no, limit=LIMIT, none=STRING)
    assert parse([]) == {"zero": 0, "no": False, "limit": 50}
    assert parse([("zero", ""), ("limit", ""), ("none", "")]) == {
        "zero": 0,
        "no": False,
        "limit": 50,
    }


def test_a_required_parameter_must_not_be_empty() -> None:
    parse = params_of(["it"], it=STRING)
    for items in ([], [("it", "")], [("It", "a")]):
        with pytest.raises(Invalid, match="it: is required"):
            parse(items)


def test_an_unknown_parameter_is_ignored() -> None:
    assert params_of(it=STRING)([("its", "a"), ("it", "b"), ("__proto__", "c")]) == {"it": "b"}


def test_a_parameter_is_required_only_if_it_is_one() -> None:
    with pytest.raises(InvalidLexicon, match="no parameter"):
        params_of(["it"])


@pytest.mark.parametrize("schema", [{"type": "object"}, {"type": "array", "items": INTEGERS}])
def test_what_no_query_string_can_hold_is_no_parameter(schema: object) -> None:
    with pytest.raises(InvalidLexicon):
        params_of(it=schema)


@given(
    st.lists(st.tuples(st.sampled_from(("a", "b", "c", "d", "e")), st.text(max_size=25))),
)
def test_any_query_string_is_parsed_or_invalid(items: list[tuple[str, str]]) -> None:
    with contextlib.suppress(Invalid):
        params_of(a=INTEGER, b=BOOLEAN, c=STRING, d=INTEGERS)(items)
