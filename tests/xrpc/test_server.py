"""XRPC over HTTP: routes, parameters, errors and headers."""

import asyncio
import gzip
from datetime import UTC, datetime

import httpx
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.types import Message
from structlog.testing import capture_logs

from lexicons.catalog import Method
from lexicons.syntax import Did
from tests.support import http_client, wait_until
from tests.xrpc.methods import (
    CATALOG,
    DID,
    ENDPOINTS,
    GET,
    HOT,
    MINE,
    PUT,
    RAW,
    TAGS,
    World,
    asking,
    envelope,
    server,
)
from xrpc.errors import XrpcError, not_enough_resources, rate_limited
from xrpc.server import Endpoint, Hooks, Output, Unserved, XrpcRequest, XrpcServer


def raising(error: Exception) -> World:
    async def fail(_: World, __: XrpcRequest) -> Output:
        raise error

    return World(answers={GET: fail})


def answering(output: Output) -> World:
    async def answer(_: World, __: XrpcRequest) -> Output:
        return output

    return World(answers={GET: answer})


async def accept(authorization: str, _: Method) -> Did:
    if authorization != "Bearer good":
        raise XrpcError(401, "BadJwt", "no")
    return Did(DID)


def as_viewer() -> Hooks[World]:
    return Hooks(authenticate=accept)


GOOD = {"authorization": "Bearer good"}


# routes ------------------------------------------------------------------------------------------


async def test_case_91_a_known_query_answers_json() -> None:
    async with asking() as client:
        response = await client.get(f"{GET}?q=a+b%C3%A9")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json()["said"]["params"] == {"q": "a bé", "limit": 50}


@pytest.mark.parametrize("verb", ["GET", "POST", "HEAD", "PUT"])
async def test_case_92_an_unknown_method_is_501(verb: str) -> None:
    async with asking() as client:
        response = await client.request(verb, "test.plyr.getNothing")
        assert response.status_code == 501
        if verb != "HEAD":
            assert envelope(response)[1] == "MethodNotImplemented"
        assert (await client.get("test.plyr.subscribeThings")).status_code == 501


@pytest.mark.parametrize("path", ["not_nsid!", "", "a.b", GET + "/x", GET + "//", "%00", "é.b.c"])
async def test_case_93_a_malformed_path_is_400(path: str) -> None:
    async with asking() as client:
        assert envelope(await client.get(path))[:2] == (400, "InvalidRequest")


async def test_a_handler_knows_where_the_request_came_from() -> None:
    world = World()
    app = httpx.ASGITransport(server(world), client=("203.0.113.9", 4711))
    async with httpx.AsyncClient(transport=app, base_url="http://test/xrpc/") as client:
        await client.post(PUT, json={"name": "x"})
        await client.get(f"{GET}?q=a")
    assert [request.address for request in world.requests] == ["203.0.113.9"] * 2


async def test_case_94_the_wrong_verb_is_400() -> None:
    async with asking() as client:
        assert envelope(await client.post(f"{GET}?q=a"))[:2] == (400, "InvalidRequest")
        assert envelope(await client.get(PUT))[:2] == (400, "InvalidRequest")
        assert envelope(await client.delete(f"{GET}?q=a"))[:2] == (400, "InvalidRequest")


async def test_a_trailing_slash_is_tolerated_and_what_is_no_xrpc_goes_elsewhere() -> None:
    async with asking() as client:
        assert (await client.get(f"{GET}/?q=a")).status_code == 200
        assert (await client.get("_health")).text == "fine"
        assert (await client.get("http://test/")).text == "fine"
        assert (await client.get("http://test/nowhere")).status_code == 404
        assert (await client.get("http://test/xrpc")).status_code == 404


async def test_head_has_the_headers_of_get_and_no_body() -> None:
    async with asking() as client:
        get, head = await client.get(f"{GET}?q=a"), await client.head(f"{GET}?q=a")
        assert head.status_code == 200
        assert head.headers == get.headers
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("there is nothing to read")

    asked = {"type": "http", "path": f"/xrpc/{GET}", "query_string": b"q=a", "headers": []}
    # A client would leave the body out, whoever sent one.
    await server(World())({**asked, "method": "HEAD"}, receive, send)
    assert [message.get("body") for message in sent] == [None, b""]


async def test_endpoints_and_lexicons_must_cover_one_another() -> None:
    def build(*endpoints: Endpoint[World]) -> None:
        XrpcServer(CATALOG, endpoints, World(), Starlette())

    build(*ENDPOINTS)
    with pytest.raises(Unserved, match=r"without handler: \['test\.plyr\.getThing'\]"):
        build(*ENDPOINTS[1:])
    with pytest.raises(Unserved, match=r"test\.plyr\.getNothing"):
        build(*ENDPOINTS, Endpoint("test.plyr.getNothing", ENDPOINTS[0].handler))
    with pytest.raises(Unserved):
        build(*ENDPOINTS, ENDPOINTS[0])


# parameters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", "q"),
        ("q=", "q"),
        ("q=a&limit=0", "limit"),
        ("q=a&limit=101", "limit"),
        ("q=a&limit=abc", "limit"),
        ("q=a&limit=1.5", "limit"),
        ("q=a&limit=%201", "limit"),
        ("q=a&limit=1&limit=2", "limit"),
        ("q=a&deep=yes", "deep"),
        ("q=a&deep=True", "deep"),
        ("q=a&q=b", "q"),
        ("q=a&did=x", "did"),
        ("q=a&actor=-x.com", "actor"),
        ("q=a&uri=https://x", "uri"),
        ("q=a&nsid=x", "nsid"),
        ("q=" + "a" * 2_001, "q"),
    ],
)
async def test_cases_95_to_102_a_bad_parameter_is_named(query: str, named: str) -> None:
    async with asking() as client:
        status, error, message = envelope(await client.get(f"{GET}?{query}"))
    assert (status, error) == (400, "InvalidRequest")
    assert message.startswith(f"{named}:")


async def test_cases_98_and_99_an_array_is_a_repeated_parameter() -> None:
    async with asking() as client:
        many = "&".join(f"uris={number}" for number in range(25))
        said = (await client.get(f"{TAGS}?{many}")).json()["said"]
        assert said["params"] == {"uris": [str(number) for number in range(25)]}
        assert (await client.get(f"{TAGS}?uris=x")).json()["said"]["params"] == {"uris": ["x"]}
        assert envelope(await client.get(f"{TAGS}?{many}&uris=x"))[0] == 400
        more_than_parsers_like = "&".join(f"uris={number}" for number in range(200))
        assert envelope(await client.get(f"{TAGS}?{more_than_parsers_like}"))[0] == 400


async def test_case_101_unknown_parameters_are_ignored() -> None:
    async with asking() as client:
        response = await client.get(f"{GET}?q=a&other=1&__proto__=2&uris[]=3")
    assert response.json()["said"]["params"] == {"q": "a", "limit": 50}


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#")))
@settings(max_examples=150)
async def test_any_query_string_is_an_answer_or_a_400(query: str) -> None:
    app = server(World())
    sent: list[int] = []

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            status = message["status"]
            assert isinstance(status, int)
            sent.append(status)

    scope = {
        "type": "http", "method": "GET", "path": f"/xrpc/{GET}", "headers": [],
        "query_string": query.encode(),
    }  # fmt: skip
    await app(scope, None, send)  # type: ignore[arg-type]  # a query reads no body
    assert sent in ([200], [400])


# errors ------------------------------------------------------------------------------------------


async def test_case_105_an_exception_of_ours_says_nothing() -> None:
    async with asking(raising(RuntimeError("password=hunter2"))) as client:
        with capture_logs() as logs:
            response = await client.get(f"{GET}?q=a")
    assert envelope(response) == (500, "InternalServerError", "Internal Server Error")
    assert "hunter2" not in response.text
    assert [(line["event"], line["route"]) for line in logs] == [("request failed", GET)]


async def test_an_error_that_the_lexicon_declares_reaches_the_client() -> None:
    async with asking(raising(XrpcError(400, "ThingNotFound", "no such thing"))) as client:
        assert envelope(await client.get(f"{GET}?q=a")) == (400, "ThingNotFound", "no such thing")


async def test_an_error_that_no_lexicon_declares_is_our_mistake() -> None:
    async with asking(raising(XrpcError(400, "Surprise", "secret"))) as client:
        with capture_logs() as logs:
            assert envelope(await client.get(f"{GET}?q=a"))[:2] == (500, "InternalServerError")
    assert [line["error"] for line in logs] == ["Surprise"]


async def test_an_output_that_its_lexicon_does_not_allow_is_our_mistake() -> None:
    async with asking(answering({"something": "else"})) as client:
        with capture_logs() as logs:
            assert envelope(await client.get(f"{GET}?q=a"))[0] == 500
    assert len(logs) == 1


async def test_case_109_a_database_that_is_gone_is_503_without_detail() -> None:
    def translate(error: Exception) -> XrpcError | None:
        return not_enough_resources() if isinstance(error, ConnectionError) else None

    hooks: Hooks[World] = Hooks(translate=translate)
    async with asking(raising(ConnectionError("10.0.0.5 refused")), hooks) as client:
        with capture_logs() as logs:
            response = await client.get(f"{GET}?q=a")
    assert envelope(response)[:2] == (503, "NotEnoughResources")
    assert "10.0.0.5" not in response.text
    assert [line["status"] for line in logs] == [503]


async def test_case_108_a_rate_limit_says_when_to_come_back() -> None:
    async with asking(raising(rate_limited(30))) as client:
        response = await client.get(f"{GET}?q=a")
    assert envelope(response)[:2] == (429, "RateLimitExceeded")
    assert response.headers["retry-after"] == "30"
    assert "retry-after" in response.headers["access-control-expose-headers"]


# headers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [GET, PUT, "test.plyr.getNothing", "not_nsid!"])
async def test_case_107_any_origin_may_ask_first(path: str) -> None:
    headers = {
        "origin": "https://app.test",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, x-anything",
    }
    async with asking() as client:
        response = await client.options(path, headers=headers)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["access-control-allow-headers"] == "authorization, x-anything"
    assert response.headers["access-control-max-age"] == "86400"
    assert set(response.headers["access-control-allow-methods"].split(", ")) >= {"GET", "POST"}


async def test_case_107_what_scripts_may_read_is_exposed() -> None:
    async with asking() as client:
        answers = [await client.get(f"{GET}?q=a"), await client.get(GET), await client.get(RAW)]
    for response in answers:
        assert response.headers["access-control-allow-origin"] == "*"
        exposed = set(response.headers["access-control-expose-headers"].split(", "))
        assert exposed >= {
            "atproto-repo-rev", "atproto-content-labelers", "ratelimit-limit", "retry-after",
            "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy", "etag", "content-range",
            "accept-ranges", "content-length",
        }  # fmt: skip
    assert answers[2].text == "raw bytes"


async def test_large_json_is_compressed_for_who_takes_it() -> None:
    large = answering({"said": {"text": "music " * 2_000}})
    async with asking(large) as client:
        plain = await client.get(f"{GET}?q=a")
        assert "content-encoding" not in plain.headers
        for accepted in ("gzip", "br;q=1, gzip;q=0.5", "*", "*;q=0, gzip", "GZIP;Q=1"):
            raw = await client.get(f"{GET}?q=a", headers={"accept-encoding": accepted})
            assert raw.headers["content-encoding"] == "gzip"
            assert int(raw.headers["content-length"]) < 1_000
            assert raw.content == plain.content
        for refused in ("gzip;q=0", "br", "", "identity", "gzip;q=0.0", "*, gzip ; Q=0.000"):
            again = await client.get(f"{GET}?q=a", headers={"accept-encoding": refused})
            assert "content-encoding" not in again.headers
        assert "accept-encoding" in plain.headers["vary"]
    async with asking() as client:
        small = await client.get(f"{GET}?q=a", headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in small.headers


async def test_an_anonymous_answer_has_a_tag_and_is_not_sent_twice() -> None:
    async with asking() as client:
        first = await client.get(f"{GET}?q=a")
        tag = first.headers["etag"]
        assert first.headers["cache-control"].startswith("public")
        for known in (tag, f'"other", {tag}', "*", tag.removeprefix("W/")):
            again = await client.get(f"{GET}?q=a", headers={"if-none-match": known})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
            assert again.headers["access-control-allow-origin"] == "*"
        other = await client.get(f"{GET}?q=b", headers={"if-none-match": tag})
        assert other.status_code == 200
        assert other.headers["etag"] != tag


async def test_a_viewers_answer_is_for_nobody_else() -> None:
    async with asking(hooks=as_viewer()) as client:
        response = await client.get(f"{GET}?q=a", headers=GOOD)
        assert response.json()["said"]["viewer"] == DID
        assert "etag" not in response.headers
        assert response.headers["cache-control"] == "private, no-store"
        assert "authorization" in (await client.get(f"{GET}?q=a")).headers["vary"]


async def test_case_124_a_bad_token_is_401_and_none_is_anonymous() -> None:
    async with asking(hooks=as_viewer()) as client:
        assert (await client.get(f"{GET}?q=a")).json()["said"]["viewer"] is None
        for authorization in ("Bearer bad", "Basic Zm9v", "", "good"):
            headers = {"authorization": authorization}
            assert envelope(await client.get(f"{GET}?q=a", headers=headers))[0] == 401
            assert envelope(await client.get(HOT, headers=headers))[0] == 401
    async with asking() as client:
        assert envelope(await client.get(f"{GET}?q=a", headers=GOOD))[0] == 401


async def test_a_method_that_needs_a_viewer_says_so() -> None:
    async with asking(hooks=as_viewer()) as client:
        response = await client.get(MINE)
        assert envelope(response)[:2] == (401, "AuthMissing")
        assert response.headers["www-authenticate"] == "Bearer"
        assert (await client.get(MINE, headers=GOOD)).json() == {"viewer": DID}


async def test_bad_parameters_come_before_a_bad_token() -> None:
    async with asking(hooks=as_viewer()) as client:
        headers = {"authorization": "Bearer bad"}
        assert envelope(await client.get(GET, headers=headers))[0] == 400
        assert envelope(await client.post(PUT, headers=headers, content=b"{"))[0] == 401


async def test_the_rev_of_the_viewers_repo_is_read_before_the_answer() -> None:
    world, order = World(), []

    async def rev(_: World, viewer: Did) -> str | None:
        order.append("rev")
        return "3kabc" if viewer == DID else None

    async def answer(_: World, __: XrpcRequest) -> Output:
        order.append("answer")
        return {"said": {}}

    world.answers[GET] = answer
    async with asking(world, Hooks(authenticate=accept, repo_rev=rev)) as client:
        response = await client.get(f"{GET}?q=a", headers=GOOD)
        assert response.headers["atproto-repo-rev"] == "3kabc"
        assert order == ["rev", "answer"]
        assert "atproto-repo-rev" not in (await client.get(f"{GET}?q=a")).headers
        raw = await client.get(RAW, headers=GOOD)
        assert raw.headers["atproto-repo-rev"] == "3kabc"


async def test_datetimes_are_written_as_atproto_wants_them() -> None:
    moment = datetime(2030, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    async with asking(answering({"said": {"at": moment}})) as client:
        response = await client.get(f"{GET}?q=a")
    assert response.json()["said"]["at"] == "2030-01-02T03:04:05.678000Z"


async def test_requests_are_counted_by_the_methods_we_know_only() -> None:
    def count(route: str, status: int) -> float:
        labels = {"route": route, "status": str(status)}
        return REGISTRY.get_sample_value("plyr_requests_total", labels) or 0.0

    before = count(GET, 200), count(GET, 400), count("unknown", 501)
    async with asking() as client:
        await client.get(f"{GET}?q=a")
        await client.get(GET)
        await client.get("test.plyr.getNothing")
    after = count(GET, 200), count(GET, 400), count("unknown", 501)
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 1, 1]
    assert count("test.plyr.getNothing", 501) == 0


# the memory of hot pages -------------------------------------------------------------------------


async def test_a_hot_page_is_made_once_for_all_who_ask() -> None:
    world, going_on = World(), asyncio.Event()

    async def slow(_: World, request: XrpcRequest) -> Output:
        await going_on.wait()
        return {"number": request.params["limit"]}

    world.answers[HOT] = slow
    async with asking(world) as client:
        asked = [asyncio.ensure_future(client.get(HOT)) for _ in range(20)]
        asked += [asyncio.ensure_future(client.get(f"{HOT}?limit=50&x=1")) for _ in range(20)]
        other = asyncio.ensure_future(client.get(f"{HOT}?limit=7"))
        await asyncio.sleep(0)
        going_on.set()
        answers = await asyncio.gather(*asked)
        assert {answer.text for answer in answers} == {'{"number":50}'}
        assert (await other).json() == {"number": 7}
        assert len(world.requests) == 2
        again = await client.get(HOT, headers={"if-none-match": answers[0].headers["etag"]})
        assert again.status_code == 304
        assert len(world.requests) == 2


async def test_a_viewer_and_a_failure_are_not_remembered() -> None:
    world = World()
    async with asking(world, as_viewer()) as client:
        for _ in range(3):
            await client.get(HOT, headers=GOOD)
        assert len(world.requests) == 3
    broken = raising(XrpcError(503, "NotEnoughResources", "later"))
    broken.answers[HOT] = broken.answers[GET]
    async with asking(broken) as client:
        for _ in range(3):
            assert (await client.get(HOT)).status_code == 503
        assert len(broken.requests) == 3
        del broken.answers[HOT]
        assert (await client.get(HOT)).status_code == 200


async def test_the_wire_agrees_over_a_real_connection() -> None:
    import uvicorn  # noqa: PLC0415 - here only

    config = uvicorn.Config(server(World()), port=0, lifespan="off", log_level="warning")
    running = uvicorn.Server(config)
    task = asyncio.ensure_future(running.serve())
    await wait_until(lambda: running.started)
    port = running.servers[0].sockets[0].getsockname()[1]
    async with http_client(f"http://127.0.0.1:{port}/xrpc/") as client:
        tag = (await client.get(f"{GET}?q=a")).headers["etag"]
        assert (await client.head(f"{GET}?q=a")).content == b""
        assert (await client.head(RAW)).content == b""
        assert (await client.options(GET)).status_code == 204
        headers = {"if-none-match": tag}
        assert (await client.get(f"{GET}?q=a", headers=headers)).status_code == 304
        assert (await client.post(PUT, content=b"x" * 200_000)).status_code == 413
        assert (await client.post(PUT, json={"name": "x"})).status_code == 200
        assert (await client.get(HOT)).json()["number"] > 0
    running.should_exit = True
    await task


async def test_gzip_of_a_page_is_what_it_says() -> None:
    async with asking(answering({"said": {"text": "x" * 9_000}})) as client:
        headers = {"accept-encoding": "gzip"}
        async with client.stream("GET", f"{GET}?q=a", headers=headers) as response:
            raw = b"".join([chunk async for chunk in response.aiter_raw()])
    assert orjson.loads(gzip.decompress(raw)) == {"said": {"text": "x" * 9_000}}
