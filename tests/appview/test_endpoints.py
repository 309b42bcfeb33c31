"""The register of endpoints and the folder of queries hold the same."""

import re
from pathlib import Path

import appview.queries
from appview.app import ENDPOINTS
from lexicons.catalog import Catalog


def test_every_query_has_a_file_named_after_it_and_every_file_a_query(catalog: Catalog) -> None:
    folder = Path(appview.queries.__path__[0])
    files = {path.stem for path in folder.glob("[!_]*.py")}
    names = {
        endpoint.nsid: re.sub(r"(?<!^)([A-Z])", r"_\1", endpoint.nsid.split(".")[-1]).lower()
        for endpoint in ENDPOINTS
    }
    assert set(names.values()) == files
    for endpoint in ENDPOINTS:
        assert endpoint.handler.__name__ == names[endpoint.nsid]
        assert endpoint.handler.__module__ == f"appview.queries.{names[endpoint.nsid]}"
    assert set(names) == set(catalog.methods)
