"""No parameter is a server error, whatever it holds."""

from typing import Any
from urllib.parse import urlencode

import pytest

from lexicons.catalog import Catalog, load_catalog
from tests.appview.conftest import Client
from tests.appview.makers import Rows

GOOD: dict[str, str] = {
    "actor": "did:plc:alice",
    "actors": "did:plc:alice",
    "uri": "at://did:plc:alice/fm.plyr.track/3kaaaaaaaaa22",
    "uris": "at://did:plc:alice/fm.plyr.track/3kaaaaaaaaa22",
}
BAD = [
    "\0",
    "did:plc:alice\0",
    "at://did:plc:alice/fm.plyr.track/\0",
    "at://did:plc:alice/fm.plyr.track/x\0",
    "at://did:plc:alice",
    "at://alice.test/fm.plyr.track/x",
    "\ud800".encode("utf-8", "surrogatepass"),
    b"\xff\xfe",
    "9" * 19,
    "-" + "9" * 19,
    "handle.invalid",
    "x" * 10_000,
    "2026-01-01T00:00:00Z\0",
    "0001-01-01T00:00:00+23:59",
]
METHODS = sorted(load_catalog().methods)


def names(catalog: Catalog, nsid: str) -> list[str]:
    main: dict[str, Any] = catalog.documents[nsid]["defs"]["main"]
    return list(main.get("parameters", {}).get("properties", {}))


def needed(catalog: Catalog, nsid: str) -> dict[str, str]:
    main: dict[str, Any] = catalog.documents[nsid]["defs"]["main"]
    return {name: GOOD[name] for name in main.get("parameters", {}).get("required", [])}


@pytest.mark.parametrize("nsid", METHODS)
async def test_no_parameter_is_a_server_error(client: Client, rows: Rows, nsid: str) -> None:
    await rows.account("alice")
    await rows.track("alice", rkey="3kaaaaaaaaa22")
    for name in names(client.catalog, nsid):
        for value in BAD:
            params: dict[str, Any] = {**needed(client.catalog, nsid), name: value}
            response = await client.http.get(f"/xrpc/{nsid}?{urlencode(params)}")
            assert response.status_code in {200, 400}, (nsid, name, value, response.text)
