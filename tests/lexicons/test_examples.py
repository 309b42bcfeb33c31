"""Examples for readers are of the shapes they stand for."""

from collections.abc import Iterator
from typing import Any, TypeGuard

import pytest

from lexicons.catalog import load_catalog
from lexicons.data_model import from_json
from lexicons.examples import example

CATALOG = load_catalog()
ANSWERING = sorted(
    nsid
    for nsid in CATALOG.methods
    if "schema" in CATALOG.documents[nsid]["defs"]["main"].get("output", {})
)
OBJECTS = [
    (nsid, name)
    for nsid, document in CATALOG.documents.items()
    for name, schema in document["defs"].items()
    if schema["type"] == "object"
]


@pytest.mark.parametrize("nsid", sorted(CATALOG.methods))
def test_the_example_of_an_answer_is_one(nsid: str) -> None:
    method = CATALOG.methods[nsid]
    output = CATALOG.documents[nsid]["defs"]["main"].get("output", {})
    if "schema" in output:
        made = example(CATALOG.documents, output["schema"], nsid)
        method.validate_output(made)
        assert isinstance(made, dict)
        required = set(output["schema"].get("required", made))
        assert required <= made.keys() <= output["schema"].get("properties", made).keys()


@pytest.mark.parametrize(("nsid", "name"), OBJECTS)
def test_the_example_of_a_shape_is_one(nsid: str, name: str) -> None:
    made = example(CATALOG.documents, CATALOG.documents[nsid]["defs"][name], nsid)
    CATALOG.validate(nsid if name == "main" else f"{nsid}#{name}", from_json(made))


def objects(value: object) -> Iterator[dict[str, Any]]:
    """All in it, itself first."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if is_list(value) else ():
        yield from objects(inner)


def is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


@pytest.mark.parametrize("nsid", ANSWERING)
def test_an_example_does_not_contradict_itself(nsid: str) -> None:
    output = CATALOG.documents[nsid]["defs"]["main"]["output"]["schema"]
    for made in objects(example(CATALOG.documents, output, nsid)):
        if made.get("playability") == "playable":
            assert not made.keys() & {"gate", "reason", "authorization"}
        if "derived" in made:
            assert made["derived"] is ("uri" not in made)
        if "webUrl" in made:
            assert made["webUrl"] == f"https://plyr.fm/at/{made['uri'].removeprefix('at://')}"
        if "record" in made:
            record = made["record"]
            assert made["uri"].split("/")[3] == record["$type"]
            CATALOG.validate_record(record["$type"], "3m6tzk2pqrs2x", from_json(record))
        if "actor" in made and "subject" in made and made["kind"] == "track":
            assert not made.keys() & {"text", "list"}
        for name, value in made.items():
            assert value not in (name, ""), "no value of its own"


def test_a_shape_within_itself_comes_to_an_end() -> None:
    node = {
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"type": "ref", "ref": "#node"}}},
    }
    documents = {"a.b.tree": {"defs": {"node": node}}}
    made = example(documents, node, "a.b.tree")
    assert str(made).count("children") > 1
