"""/openapi.json is OpenAPI, says what the lexicons say, and the service does as it says."""

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # has no types
from openapi_spec_validator import validate

from appview.app import create_app
from appview.context import AppSettings
from appview.views.images import artwork, avatar
from lexicons.catalog import Catalog, load_catalog
from lexicons.reference import generate
from lexicons.syntax import FORMATS
from migrations.database import Pool
from tests.appview.conftest import Client
from tests.appview.makers import Rows
from tests.appview.served import served
from xrpc.openapi import PATTERNS, openapi

EVENTS = {"/events": "fm.plyr.sync.subscribeEvents"}
MADE = openapi(load_catalog(), version="1.2.3", origin="https://music.test", events=EVENTS)
EXAMPLE_DID, EXAMPLE_RKEY = "did:plc:ewvi7nxzyoun6zhxrhs64oiz", "3m6tzk2pqrs2x"
EXAMPLE_CID = "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"
EXAMPLE_BLOB = "bafkreib6e6pyqf26ewjubuyzawavcfxm5q36aomck2hkxuwbab75aqbuwm"
PLACE = "https://appview.example.com"
PICTURES = (
    artwork(PLACE, f"{EXAMPLE_DID}/{EXAMPLE_RKEY}/{EXAMPLE_CID}"),
    avatar(PLACE, EXAMPLE_DID, EXAMPLE_BLOB),
)
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance"
)


async def test_the_service_says_so_itself_and_it_is_openapi(client: Client) -> None:
    response = await client.http.get("/openapi.json")
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.json() == MADE
    validate(MADE)


def test_every_operation_has_a_name_of_its_own_for_generators() -> None:
    operations = [each for path in MADE["paths"].values() for each in path.values()]
    assert len({each["operationId"] for each in operations}) == len(MADE["paths"])


@pytest.mark.parametrize("path", sorted(MADE["paths"]))
def test_the_example_of_an_answer_is_of_the_schema_beside_it(path: str) -> None:
    (operation,) = MADE["paths"][path].values()
    for body in operation["responses"]["200"].get("content", {}).values():
        if "schema" in body:
            schema = {**body["schema"], "components": MADE["components"]}
            Draft202012Validator(schema).validate(body["example"])


ADDRESSES = re.compile(rf'"{re.escape(PLACE)}(/[^"]*)"')


async def test_every_address_in_an_example_is_one_of_the_service(client: Client) -> None:
    of_pictures = json.dumps(PICTURES)
    found = {
        each for each in ADDRESSES.findall(json.dumps(MADE["paths"])) if each not in of_pictures
    }
    assert len(found) > 1
    for address in sorted(found):
        assert (await client.http.get(address)).text != "Not Found", address


CALLS = re.compile(r"^    GET (/xrpc/\S+)$", re.MULTILINE)


async def test_every_call_that_is_shown_is_understood(client: Client, rows: Rows) -> None:
    """Those of the reference, and those that a tool makes which fills in every example."""
    await what_examples_speak_of(rows)
    pages = generate(client.catalog).values()
    calls: list[tuple[str, Any]] = [(call, None) for page in pages for call in CALLS.findall(page)]
    for path, operations in MADE["paths"].items():
        if path not in EVENTS and "get" in operations:
            asked = operations["get"].get("parameters", [])
            shown = {each["name"]: each["example"] for each in asked if "example" in each}
            calls.append((path, {name: spelled(value) for name, value in shown.items()}))
    assert len(calls) > 70
    for call, params in calls:
        answer = await client.http.get(call, params=params)
        if answer.status_code != 200:
            assert answer.json()["error"] != "InvalidRequest", (call, params, answer.text)


async def what_examples_speak_of(rows: Rows) -> None:
    await rows.account(EXAMPLE_DID, handle="ada.example.com")
    track = await rows.track(EXAMPLE_DID, rkey=EXAMPLE_RKEY)
    await rows.like(EXAMPLE_DID, track)
    await rows.comment(EXAMPLE_DID, track)
    await rows.list(EXAMPLE_DID, (track,))


def spelled(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, bool) else value


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        ("did", ["did:plc:ewvi7nxzyoun6zhxrhs64oiz", "did:web:localhost%3A80", "did:x", "alice"]),
        ("handle", ["ada.example.com", "ada", "-a.test", "a.1", "xn--ls8h.test"]),
        ("at-uri", ["at://ada.test/fm.plyr.track/3k", "at://did:web:a", "https://a.test", "at://"]),
        ("at-identifier", ["ada.example.com", "did:web:a", "@ada.test"]),
        ("nsid", ["fm.plyr.track", "fm", "fm.plyr.*"]),
        ("tid", ["3m6tzk2pqrs2x", "3m6tzk2pqrs2", "zm6tzk2pqrs2x"]),
    ],
)
def test_patterns_are_those_of_the_formats(form: str, texts: list[str]) -> None:
    schema = {"type": "string", "pattern": PATTERNS[form]}
    for text in texts:
        assert Draft202012Validator(schema).is_valid(text) == FORMATS[form](text), text


def test_a_blob_may_come_in_ranges_or_not_at_all() -> None:
    told = MADE["paths"]["/xrpc/fm.plyr.playback.getBlob"]["get"]["responses"]
    assert {"200", "206", "304", "416", "502"} <= set(told)
    assert "UpstreamUnavailable" in told["502"]["description"]
    named = told["400"]["content"]["application/json"]["schema"]["allOf"][1]
    assert "UpstreamUnavailable" not in named["properties"]["error"]["enum"]


async def test_schemathesis_finds_nothing_that_is_not_as_described(
    settings: AppSettings, pool: Pool, catalog: Catalog, rows: Rows, tmp_path: Path
) -> None:
    await what_examples_speak_of(rows)
    async with served(create_app(settings, pool, catalog, None)) as url:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"),
            *("--url", url, "--checks", CHECKS, "--max-examples", "6", "--seed", "1"),
            *("--phases", "examples,fuzzing", "--generation-database", "none"),
            *("--exclude-path", "/events"),  # which has no end
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
    text = output.decode()
    assert process.returncode == 0, text[-5_000:]
    assert f"Tested: {len(MADE['paths']) - len(EVENTS)}" in text
