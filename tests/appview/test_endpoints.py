"""The register of endpoints and the folder of queries hold the same."""

import re
from collections.abc import Callable
from pathlib import Path

import appview.queries
from appview.app import ENDPOINTS, SUBSCRIPTIONS
from lexicons.catalog import Catalog


def test_every_query_has_a_file_named_after_it_and_every_file_a_query(catalog: Catalog) -> None:
    folder = Path(appview.queries.__path__[0])
    files = {path.stem for path in folder.glob("[!_]*.py")}
    handlers: dict[str, Callable[..., object]] = {
        **{endpoint.nsid: endpoint.handler for endpoint in ENDPOINTS},
        **{subscription.nsid: subscription.follow for subscription in SUBSCRIPTIONS},
    }
    names = {
        nsid: re.sub(r"(?<!^)([A-Z])", r"_\1", nsid.split(".")[-1]).lower() for nsid in handlers
    }
    assert set(names.values()) == files
    for nsid, handler in handlers.items():
        assert handler.__name__ == names[nsid]
        assert handler.__module__ == f"appview.queries.{names[nsid]}"
    assert set(names) == set(catalog.methods)
