"""Other people's client libraries, directly and through the PDS as an app would."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from atproto import AsyncClient  # type: ignore[import-untyped]  # has no types
from atproto.exceptions import (  # type: ignore[import-untyped]  # has no types
    BadRequestError,
    UnauthorizedError,
)
from atproto_client.models.dot_dict import DotDict  # type: ignore[import-untyped]  # has no types

from tests.reference.agreement import agree, uris_in_feed
from tests.reference.expected import expected_order
from tests.reference.network import Network, Person, Refused
from tests.reference.population import Population
from tests.reference.program import ROOT, Program
from tests.reference.records import LIST, TRACK

pytestmark = pytest.mark.reference

LATEST = "fm.plyr.feed.getLatest"


def declared_queries() -> dict[str, dict[str, Any]]:
    """Those that answer with JSON, and their documents."""
    documents = [json.loads(path.read_text()) for path in (ROOT / "lexicons").rglob("*.json")]
    mains = {item["id"]: item["defs"].get("main", {}) for item in documents}
    return {
        nsid: main
        for nsid, main in mains.items()
        if main.get("type") == "query" and main["output"]["encoding"] == "application/json"
    }


@pytest_asyncio.fixture
async def examples(
    program: Program, network: Network, early: Population
) -> dict[str, dict[str, Any]]:
    """A good question for every query that there is."""
    world = await agree(program, network)
    (album,) = world.of(LIST, early.ann.did)
    by_name: dict[str, Any] = {
        "actor": early.ann.did,
        "actors": [early.ann.did, early.ben.did, "no.test"],
        "did": early.ann.did,
        "q": "a",
        "tag": "ambient",
        "uri": early.tracks[0].uri,
        "uriPatterns": [f"at://{early.ann.did}/*"],
        "uris": [early.tracks[0].uri, early.hidden[0].uri],
    }
    by_method: dict[str, dict[str, Any]] = {
        "fm.plyr.library.getAlbum": {"uri": album.uri},
        "fm.plyr.library.getList": {"uri": album.uri},
        "fm.plyr.library.getLists": {"uris": [album.uri]},
        "fm.plyr.sync.getRecordStatus": {"uri": album.uri},
        "parts.page.mention.search": {"service": f"at://{early.ann.did}", "search": "a"},
    }
    return {
        nsid: by_method.get(nsid)
        or {name: by_name[name] for name in main.get("parameters", {}).get("required", [])}
        for nsid, main in declared_queries().items()
    }


@pytest_asyncio.fixture
async def sdk(program: Program) -> AsyncIterator[AsyncClient]:
    client = AsyncClient(base_url=program.url)
    yield client
    await client.request.close()


async def direct(program: Program, network: Network, method: str, params: dict[str, Any]) -> Any:
    """@atproto/api checks every answer against our lexicon documents."""
    answer = await network.driver.do("call", service=program.url, method=method, params=params)
    return answer.value


async def test_atproto_api_understands_the_answer_to_every_query(
    program: Program, network: Network, examples: dict[str, dict[str, Any]]
) -> None:
    for method, params in examples.items():
        assert await direct(program, network, method, params), method


async def test_the_pds_carries_every_query_of_a_person_who_is_signed_in(
    program: Program, network: Network, early: Population, examples: dict[str, dict[str, Any]]
) -> None:
    proxy = f"{program.did}#plyr_appview"
    for method, params in examples.items():
        answer = await early.ben.call(method, params=params, proxy=proxy)
        if method == "fm.plyr.sync.getStatus":
            continue  # another moment, another answer
        assert answer.value == await direct(program, network, method, params), method


async def test_errors_keep_their_names_on_every_way(
    program: Program, network: Network, early: Population
) -> None:
    params = {"uri": f"at://{early.ann.did}/{TRACK}/3aaaaaaaaaa2a"}
    method = "fm.plyr.feed.getTrack"
    with pytest.raises(Refused, match="TrackNotFound"):
        await direct(program, network, method, params)
    with pytest.raises(Refused, match="TrackNotFound"):
        await early.ben.call(method, params=params, proxy=f"{program.did}#plyr_appview")
    with pytest.raises(Refused, match="400 InvalidRequest"):
        await direct(program, network, LATEST, {"limit": 101})


async def test_the_python_sdk_pages_through_everything(
    program: Program, network: Network, sdk: AsyncClient
) -> None:
    world = await agree(program, network)
    found: list[str] = []
    params: dict[str, Any] = {"limit": 3}
    while True:
        page = (await sdk.invoke_query(LATEST, params=DotDict(params))).content
        found += uris_in_feed(page["feed"])
        if "cursor" not in page:
            break
        params["cursor"] = page["cursor"]
    assert found == expected_order(world)


async def test_the_python_sdk_understands_our_errors(sdk: AsyncClient) -> None:
    with pytest.raises(BadRequestError) as caught:
        await sdk.invoke_query(LATEST, params=DotDict({"limit": 0}))
    assert caught.value.response is not None
    assert caught.value.response.content.error == "InvalidRequest"
    assert "limit" in caught.value.response.content.message


async def token(person: Person, audience: str, method: str) -> dict[str, str]:
    params = {"aud": audience, "lxm": method}
    answer = await person.call("com.atproto.server.getServiceAuth", params=params)
    return {"authorization": f"Bearer {answer.value['token']}"}


@pytest.mark.parametrize("suffix", ["", "#plyr_appview"])
async def test_a_token_of_the_pds_is_accepted_with_and_without_the_service(
    program: Program, early: Population, sdk: AsyncClient, suffix: str
) -> None:
    headers = await token(early.ben, program.did + suffix, LATEST)
    answer = await sdk.invoke_query(LATEST, headers=headers)
    assert answer.content["feed"]


async def test_a_token_for_another_method_or_service_is_refused_even_where_none_is_needed(
    program: Program, early: Population, sdk: AsyncClient
) -> None:
    for headers in (
        await token(early.ben, program.did, "fm.plyr.feed.getTrack"),
        await token(early.ben, "did:web:somebody.example.com", LATEST),
        {"authorization": "Bearer nonsense"},
    ):
        with pytest.raises(UnauthorizedError):
            await sdk.invoke_query(LATEST, headers=headers)
