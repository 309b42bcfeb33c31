"""Examples for readers are of the shapes they stand for."""

import pytest

from lexicons.catalog import load_catalog
from lexicons.data_model import from_json
from lexicons.examples import example

CATALOG = load_catalog()
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


def test_a_shape_within_itself_comes_to_an_end() -> None:
    node = {
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"type": "ref", "ref": "#node"}}},
    }
    documents = {"a.b.tree": {"defs": {"node": node}}}
    made = example(documents, node, "a.b.tree")
    assert str(made).count("children") > 1
