"""What is served beside XRPC."""

from dataclasses import replace
from pathlib import Path

import pytest

from appview.app import create_app
from appview.config import from_env
from appview.context import AppSettings
from lexicons.catalog import Catalog
from migrations.database import create_pool
from tests.appview.conftest import Client
from tests.appview.served import asking


async def test_the_did_document_names_the_service(client: Client) -> None:
    response = await client.http.get("/.well-known/did.json")
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "@context": ["https://www.w3.org/ns/did/v1"],
        "id": "did:web:music.test",
        "service": [
            {
                "id": "#plyr_appview",
                "type": "PlyrAppView",
                "serviceEndpoint": "https://music.test",
            }
        ],
    }


@pytest.mark.parametrize(
    ("origin", "did"),
    [
        ("http://localhost:8000", "did:web:localhost%3A8000"),
        ("https://music.test", "did:web:music.test"),
    ],
)
def test_the_origin_gives_the_service_its_did(settings: AppSettings, origin: str, did: str) -> None:
    assert replace(settings, origin=origin).service_did == did


def test_the_origin_is_this_machine_at_its_port_until_it_is_set() -> None:
    """Or pictures and sounds would be looked for where nobody listens."""
    assert from_env({}).public_url == "http://localhost:8000"
    assert from_env({"PLYR_PORT": "8001"}).public_url == "http://localhost:8001"
    both = {"PLYR_PORT": "8001", "PLYR_PUBLIC_URL": "https://music.test"}
    assert from_env(both).public_url == "https://music.test"


async def test_case_109_health_is_the_version(client: Client) -> None:
    response = await client.http.get("/xrpc/_health")
    assert (response.status_code, response.json()) == (200, {"version": "1.2.3"})


@pytest.mark.parametrize(
    ("verb", "path", "status", "error"),
    [
        ("GET", "/xrpc/_nothing", 404, "XRPCNotSupported"),
        ("POST", "/xrpc/_health", 400, "InvalidRequest"),
        ("GET", "/lexicons/fm.plyr.nothing", 404, "NotFound"),
    ],
)
async def test_an_error_beside_the_methods_is_an_envelope_too(
    client: Client, verb: str, path: str, status: int, error: str
) -> None:
    answer = await client.http.request(verb, path)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["message"]
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", ["/openapi.json", "/lexicons/", "/lexicons/fm.plyr.feed.defs"])
async def test_documents_are_sent_once_and_small(client: Client, path: str) -> None:
    whole = await client.http.get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in whole.headers
    assert whole.headers["cache-control"].startswith("public")
    zipped = await client.http.get(path, headers={"accept-encoding": "gzip"})
    assert zipped.json() == whole.json()
    if len(whole.content) > 4_096:
        assert zipped.headers["content-encoding"] == "gzip"
    known = {"if-none-match": whole.headers["etag"]}
    assert (await client.http.get(path, headers=known)).status_code == 304


async def test_case_109_without_a_database_the_service_asks_to_come_back(
    settings: AppSettings, catalog: Catalog, tmp_path: Path
) -> None:
    nowhere = f"postgresql://postgres@/none?host={tmp_path}"
    async with (
        create_pool(nowhere, min_size=0) as pool,
        asking(create_app(settings, pool, catalog, None)) as http,
    ):
        health = await http.get("/xrpc/_health")
        query = await http.get("/xrpc/fm.plyr.feed.getLatest")
        document = await http.get("/.well-known/did.json")
        page = await http.get("/track/did:plc:alice/3kaaaaaaaaa22")
    assert (page.status_code, page.headers["content-type"][:9]) == (503, "text/html")
    assert (health.status_code, health.json()["error"]) == (503, "Service Unavailable")
    assert (query.status_code, query.json()["error"]) == (503, "NotEnoughResources")
    assert document.status_code == 200


async def test_a_query_does_not_wait_for_ever_for_its_turn(
    settings: AppSettings, database_url: str, catalog: Catalog
) -> None:
    hasty = replace(settings, answer_seconds=0.05)
    async with create_pool(database_url, max_size=1) as pool, pool.acquire() as taken:
        async with asking(create_app(hasty, pool, catalog, None)) as http:
            query = await http.get("/xrpc/fm.plyr.feed.getLatest")
            health = await http.get("/xrpc/_health")
        assert await taken.fetchval("select 1") == 1
    assert (query.status_code, query.json()["error"]) == (503, "NotEnoughResources")
    assert health.status_code == 503


async def test_the_lexicons_are_served(client: Client, catalog: Catalog) -> None:
    index = (await client.http.get("/lexicons/")).json()
    assert "fm.plyr.feed.getLatest" in index["lexicons"]
    for nsid in index["lexicons"]:
        document = await client.http.get(f"/lexicons/{nsid}.json")
        assert document.json() == catalog.documents[nsid]
        assert (await client.http.get(f"/lexicons/{nsid}")).json() == document.json()
    assert (await client.http.get("/lexicons/no.such.thing")).status_code == 404


async def test_the_front_page_says_what_this_is(client: Client) -> None:
    response = await client.http.get("/")
    assert "https://music.test/xrpc/fm.plyr.feed.getLatest" in response.text
    assert (await client.http.get("/robots.txt")).text.startswith("User-agent: *")
    assert (await client.http.get("/nothing/here")).status_code == 404
