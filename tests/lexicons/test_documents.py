"""The documents among themselves, and against what docs and clients rely on."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import lexicons.catalog
from lexicons.catalog import Catalog, load_catalog

CATALOG = load_catalog()
FILES = sorted(Path(lexicons.catalog.__file__).parent.rglob("*.json"))
ANSWERED = [nsid for nsid, method in CATALOG.methods.items() if method.kind != "subscription"]


def schemas(tree: object) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
    if isinstance(tree, (dict, list)):
        for child in tree.values() if isinstance(tree, dict) else tree:
            yield from schemas(child)


def refs(document: dict[str, Any]) -> Iterator[str]:
    for schema in schemas(document["defs"]):
        found = [schema["ref"]] if schema.get("type") == "ref" else []
        found += schema["refs"] if schema.get("type") == "union" else []
        yield from (document["id"] + ref if ref.startswith("#") else ref for ref in found)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_document_lies_where_its_id_says_and_refers_to_what_there_is(file: Path) -> None:
    document = json.loads(file.read_text("utf-8"))
    assert CATALOG.documents[document["id"]] == document
    for ref in refs(document):
        nsid, _, name = ref.partition("#")
        assert (name or "main") in CATALOG.documents[nsid]["defs"], ref


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_document_is_written_as_json_writes_it(file: Path) -> None:
    text = file.read_text("utf-8")
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


def test_every_document_is_packed() -> None:
    assert len(FILES) == len(CATALOG.documents)


def answer(document: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a method's output; none where it answers with bytes."""
    schema = document["defs"]["main"]["output"].get("schema", {})
    fields: dict[str, Any] = schema.get("properties", {})
    return fields


@pytest.mark.parametrize("nsid", ANSWERED)
def test_an_output_names_what_it_holds(nsid: str) -> None:
    for name, field in answer(CATALOG.documents[nsid]).items():
        inner = field.get("items", field)
        assert inner["type"] in {"ref", "string", "integer"}, name


@pytest.mark.parametrize("nsid", ANSWERED)
def test_parameters_follow_the_conventions(nsid: str) -> None:
    main = CATALOG.documents[nsid]["defs"]["main"]
    params = main.get("parameters", {}).get("properties", {})
    output = answer(CATALOG.documents[nsid])
    assert ("cursor" in params) == ("cursor" in output)
    if "cursor" in params and nsid.startswith("fm.plyr."):
        limits = {name: params["limit"][name] for name in ("minimum", "maximum", "default")}
        assert limits == {"minimum": 1, "maximum": 100, "default": 50}
    for name, param in params.items():
        if param["type"] == "boolean":
            assert param["default"] is False, name
    for name, length in (("uris", 50), ("actors", 25)):
        if name in params:
            assert params[name]["maxLength"] == length
            assert "missing" in output


@pytest.mark.parametrize(
    ("basic", "view"),
    [
        ("fm.plyr.actor.defs#profileViewBasic", "fm.plyr.actor.defs#profileView"),
        ("fm.plyr.feed.defs#trackViewBasic", "fm.plyr.feed.defs#trackView"),
        ("fm.plyr.library.defs#listViewBasic", "fm.plyr.library.defs#listView"),
    ],
)
def test_a_view_has_all_of_its_basic_form(basic: str, view: str) -> None:
    small, large = (
        CATALOG.documents[nsid]["defs"][name]
        for nsid, _, name in (basic.partition("#"), view.partition("#"))
    )
    assert small["properties"].items() <= large["properties"].items()
    assert set(small["required"]) <= set(large["required"])


def test_the_documents_are_data_that_others_can_load() -> None:
    assert Catalog(CATALOG.documents.values()).collections == CATALOG.collections
