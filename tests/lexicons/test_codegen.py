from typing import get_type_hints

from lexicons import types
from lexicons.catalog import Catalog, load_catalog
from lexicons.codegen import TYPES, generate


def test_types_are_what_the_documents_say_now() -> None:
    assert TYPES.read_text("utf-8") == generate(load_catalog()), "run python -m lexicons.codegen"


def test_generated_types_can_be_read_at_run_time() -> None:
    assert get_type_hints(types.GetLatestParams)["limit"] is int
    assert get_type_hints(types.GetListOutput)["items"] == list[types.ListItemView]
    assert "$type" in get_type_hints(types.TrackView)


def test_a_procedure_has_its_two_bodies_and_no_more() -> None:
    when = {"type": "string", "format": "datetime"}
    body = {
        "encoding": "application/json",
        "schema": {"type": "object", "required": ["at"], "properties": {"at": when}},
    }
    main = {"type": "procedure", "input": body, "output": body}
    text = generate(Catalog([{"lexicon": 1, "id": "a.b.doIt", "defs": {"main": main}}]))
    assert "class DoItInput(TypedDict):\n    at: str\n" in text
    assert "class DoItOutput(TypedDict):\n    at: str | datetime\n" in text
    bare = {"lexicon": 1, "id": "a.b.ping", "defs": {"main": {"type": "procedure", "input": body}}}
    assert "Output" not in generate(Catalog([bare]))


def test_a_parameter_with_a_default_is_always_there() -> None:
    limit = {"type": "integer", "default": 50}
    sort = {"type": "string", "enum": ["new", "old"]}
    since = {"type": "string", "format": "datetime"}
    params = {"type": "params", "properties": {"limit": limit, "sort": sort, "since": since}}
    output = {"encoding": "application/json", "schema": {"type": "object", "properties": {}}}
    main = {"type": "query", "parameters": params, "output": output}
    text = generate(Catalog([{"lexicon": 1, "id": "a.b.getIt", "defs": {"main": main}}]))
    assert "class GetItParams(TypedDict):\n    limit: int\n" in text
    assert '    sort: NotRequired[Literal["new", "old"]]\n' in text
    assert "    since: NotRequired[str]\n" in text
    assert "class GetItOutput(TypedDict):\n    pass\n" in text
