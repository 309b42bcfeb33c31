"""The pages of docs/api are those of the documents, and hold all of them."""

import re

from lexicons.catalog import load_catalog
from lexicons.reference import FOLDER, generate

CATALOG = load_catalog()
PAGES = generate(CATALOG)


def test_the_reference_is_what_the_documents_say_now() -> None:
    kept = {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()}
    assert kept == PAGES, "run make codegen"


def test_every_method_has_its_parameters_errors_and_an_example() -> None:
    for nsid in CATALOG.methods:
        main = CATALOG.documents[nsid]["defs"]["main"]
        page = PAGES[nsid.rpartition(".")[0] + ".md"]
        _, found, text = page.partition(f"## {nsid}\n")
        assert found, nsid
        text = text.partition("\n## ")[0]
        names = [*main.get("parameters", {}).get("properties", {})]
        names += [error["name"] for error in main.get("errors", [])]
        names += main.get("input", {}).get("schema", {}).get("properties", {})
        assert [name for name in names if f"| `{name}` |" not in text] == [], nsid
        assert ("```json" in text) == ("schema" in main.get("output", {})), nsid


def test_links_lead_to_headings() -> None:
    headings = {
        f"{page}#{heading.lower().replace('.', '')}"
        for page, text in PAGES.items()
        for heading in re.findall(r"^## (.+)$", text, re.MULTILINE)
    }
    links = {link for text in PAGES.values() for link in re.findall(r"\]\(([\w.]+#\w+)\)", text)}
    assert links
    assert links <= headings
