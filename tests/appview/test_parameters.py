"""Whatever a parameter holds, the answer is an answer, or says which parameter is wrong and how.

Every parameter of every method, and every field of every input, is found by its lexicon.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lexicons.catalog import load_catalog
from tests.appview.conftest import Client
from tests.appview.makers import Rows
from tests.appview.world import OF_VIEWERS, parameters, question

CATALOG = load_catalog()
METHODS = sorted(nsid for nsid, made in CATALOG.methods.items() if made.kind != "subscription")
QUERIES = [nsid for nsid in METHODS if CATALOG.methods[nsid].kind == "query"]
PROCEDURES = [nsid for nsid in METHODS if CATALOG.methods[nsid].kind == "procedure"]
ODD: list[str | bytes] = [
    "\0",
    "did:plc:alice\0",
    "at://did:plc:alice/fm.plyr.track/\0",
    "at://did:plc:alice/fm.plyr.track/x\0",
    "at://did:plc:alice",
    "at://alice.test/fm.plyr.track/x",
    "did:plc:nobody",
    "did:web:nobody.test",
    "\ud800".encode("utf-8", "surrogatepass"),
    b"\xff\xfe",
    "true",
    "0",
    "-1",
    "9" * 19,
    "-" + "9" * 19,
    "1e3",
    "handle.invalid",
    "ALICE.TEST",
    "x",
    "x" * 10_000,
    "💿" * 300,
    "%' or 1=1 --",
    '"unclosed -',
    "\\ % _ ( ) & | ! : * < >",
    "\n",
    "a\nb\r\n\u2028c",
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00Z\0",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999-23:59",
]


def check(nsid: str, response: httpx.Response, name: str) -> None:
    """An answer of the lexicon's, or a refusal that helps: never a word of how we are made."""
    assert response.status_code < 500, (nsid, name, response.text)
    assert "Traceback" not in response.text
    method = CATALOG.methods[nsid]
    if response.status_code == 200:
        if method.output is not None and method.output.encoding == "application/json":
            method.validate_output(response.json())
        return
    if response.status_code == 401:
        assert response.json()["error"] == "AuthMissing"
        assert name in OF_VIEWERS
        return
    assert response.status_code in {400, 429}, (nsid, name, response.text)
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body.keys() == {"error", "message"}
    assert body["error"] in {"InvalidRequest", "RateLimitExceeded", *method.errors}
    if body["error"] == "InvalidRequest":
        assert names(body["message"], name), body
    elif body["error"] in method.errors:
        # What is not there is another parameter's matter, perhaps.
        assert any(names(body["message"], each) for each in parameters(CATALOG, nsid)), body


def names(message: str, parameter: str) -> bool:
    """In its own words: an echo of the value, which is quoted, does not count."""
    return re.search(rf"\b{parameter}\b", re.sub(r"'[^']*'", "", message)) is not None


async def ask(client: Client, nsid: str, params: dict[str, Any]) -> httpx.Response:
    return await client.http.get(f"/xrpc/{nsid}?{urlencode(params, doseq=True)}")


@pytest.fixture
async def client(client: Client, rows: Rows) -> Client:
    await rows.account("alice")
    await rows.track("alice", rkey="3kaaaaaaaaa22", title="Song")
    return client


@pytest.mark.parametrize("nsid", QUERIES)
async def test_no_parameter_is_a_server_error(client: Client, nsid: str) -> None:
    for name in parameters(CATALOG, nsid):
        for value in ODD:
            params = {**question(CATALOG, nsid), name: value}
            check(nsid, await ask(client, nsid, params), name)


def wrong(field: dict[str, Any]) -> Iterator[str]:
    """Values that break the lexicon for certain."""
    if field["type"] == "array":
        yield from wrong(field["items"])
    elif field["type"] == "boolean":
        yield from ("yes", "1", "TRUE")
    elif field["type"] == "integer":
        yield from ("abc", "1.5", "1e2", " 1", "0x1", "9" * 30)
        yield from (str(field["minimum"] - 1) for _ in range("minimum" in field))
        yield from (str(field["maximum"] + 1) for _ in range("maximum" in field))
    elif "format" in field:
        yield from ("-", "at://", "did:", "x" * 9_000)
    elif "enum" in field:
        yield "no-such-choice"
    elif "maxLength" in field:
        yield "x" * (field["maxLength"] + 1)


@pytest.mark.parametrize("nsid", QUERIES)
async def test_cases_95_to_102_what_the_lexicon_forbids_is_400_by_name(
    client: Client, nsid: str
) -> None:
    asked = question(CATALOG, nsid)
    main = CATALOG.documents[nsid]["defs"]["main"]
    for name, field in parameters(CATALOG, nsid).items():
        refused: list[dict[str, Any]] = [{**asked, name: value} for value in wrong(dict(field))]
        if field["type"] != "array":
            value = asked.get(name, "1")
            refused.append({**asked, name: [value, value]})
        elif "maxLength" in field:
            one = asked[name][0] if name in asked else next(iter(field["items"].get("enum", "x")))
            refused.append({**asked, name: [one] * (field["maxLength"] + 1)})
        if name in main["parameters"].get("required", []):
            refused += [{**asked, name: ""}, {key: asked[key] for key in asked if key != name}]
        for params in refused:
            response = await ask(client, nsid, params)
            assert response.status_code == 400, (name, params, response.text)
            assert names(response.json()["message"], name), response.text


@pytest.mark.parametrize("nsid", QUERIES)
async def test_case_101_an_unknown_parameter_is_ignored(client: Client, nsid: str) -> None:
    params = {**question(CATALOG, nsid), "viewer": "did:plc:alice", "offset": "7", "uris[]": "x"}
    check(nsid, await ask(client, nsid, params), "nothing")


@pytest.mark.parametrize("nsid", QUERIES)
@given(st.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_text_in_any_parameter_is_an_answer_or_a_400(
    client: Client, nsid: str, data: st.DataObject
) -> None:
    names = sorted(parameters(CATALOG, nsid))
    if names:
        name = data.draw(st.sampled_from(names))
        value = data.draw(st.text(max_size=40) | st.from_regex(r"[a-z:/.@\-\"]{1,30}"))
        params = {**question(CATALOG, nsid), name: value.encode("utf-8", "surrogatepass")}
        check(nsid, await ask(client, nsid, params), name)


ODD_JSON: list[object] = [None, True, 7, -1, 1e3, [], {}, "", "x", "\0", "did:", "x" * 9_000, [[]]]


@pytest.mark.parametrize("nsid", PROCEDURES)
async def test_no_field_of_an_input_is_a_server_error(client: Client, nsid: str) -> None:
    schema = CATALOG.documents[nsid]["defs"]["main"]["input"]["schema"]
    for name in schema["properties"]:
        for value in ODD_JSON:
            body = orjson.dumps({"did": "did:plc:alice", name: value})
            headers = {"content-type": "application/json"}
            response = await client.http.post(f"/xrpc/{nsid}", content=body, headers=headers)
            check(nsid, response, name)
    for whole in (b"[]", b"7", b"{", b"null", b'{"' + b"a" * 9_000):
        headers = {"content-type": "application/json"}
        response = await client.http.post(f"/xrpc/{nsid}", content=whole, headers=headers)
        assert (response.status_code, response.json()["error"]) == (400, "InvalidRequest")
