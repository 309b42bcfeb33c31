"""A small catalog of methods, and the server over them, for tests."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from lexicons.catalog import Catalog
from xrpc.server import Endpoint, Hooks, Output, XrpcRequest, XrpcServer

GET = "test.plyr.getThing"
TAGS = "test.plyr.getTagged"
HOT = "test.plyr.getHot"
MINE = "test.plyr.getMine"
RAW = "test.plyr.getRaw"
PUT = "test.plyr.putThing"
PING = "test.plyr.ping"

DID = "did:plc:" + "a" * 24


def lexicon(nsid: str, **main: object) -> dict[str, Any]:
    made = {"type": "query", **main}
    return {"lexicon": 1, "id": nsid, "defs": {"main": made}}


def params(required: tuple[str, ...] = (), **properties: object) -> dict[str, object]:
    return {"type": "params", "required": list(required), "properties": properties}


def json_body(**properties: str) -> dict[str, object]:
    return {
        "encoding": "application/json",
        "schema": {
            "type": "object",
            "required": list(properties),
            "properties": {name: {"type": kind} for name, kind in properties.items()},
        },
    }


LIMIT = {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}
CATALOG = Catalog(
    [
        lexicon(
            GET,
            parameters=params(
                ("q",),
                q={"type": "string", "maxLength": 2_000},
                limit=LIMIT,
                deep={"type": "boolean"},
                actor={"type": "string", "format": "at-identifier"},
                did={"type": "string", "format": "did"},
                uri={"type": "string", "format": "at-uri"},
                nsid={"type": "string", "format": "nsid"},
            ),
            output=json_body(said="unknown"),
            errors=[{"name": "ThingNotFound"}],
        ),
        lexicon(
            TAGS,
            parameters=params(uris={"type": "array", "maxLength": 25, "items": {"type": "string"}}),
            output=json_body(said="unknown"),
        ),
        lexicon(HOT, parameters=params(limit=LIMIT), output=json_body(number="integer")),
        lexicon(MINE, output=json_body(viewer="string")),
        lexicon(RAW, output={"encoding": "*/*"}),
        lexicon(
            PUT,
            type="procedure",
            input=json_body(name="string"),
            output=json_body(said="unknown"),
        ),
        lexicon(PING, type="procedure"),
        lexicon(
            "test.plyr.subscribeThings",
            type="subscription",
            message={"schema": {"type": "union", "refs": []}},
        ),
    ]
)

Handler = Callable[["World", XrpcRequest], Awaitable[Output]]


@dataclass(slots=True)
class World:
    """What the handlers see; `answers` replaces what a method says."""

    requests: list[XrpcRequest] = field(default_factory=list)
    answers: dict[str, Handler] = field(default_factory=dict)


async def say(world: World, request: XrpcRequest) -> Output:
    world.requests.append(request)
    if request.nsid in world.answers:
        return await world.answers[request.nsid](world, request)
    said = {"params": request.params, "viewer": request.viewer, "input": request.input}
    defaults: dict[str, Output] = {
        HOT: {"number": len(world.requests)},
        MINE: {"viewer": request.viewer},
        RAW: PlainTextResponse("raw bytes"),
        PING: None,
    }
    return defaults.get(request.nsid, {"said": said})


ENDPOINTS: tuple[Endpoint[World], ...] = (
    Endpoint(GET, say),
    Endpoint(TAGS, say),
    Endpoint(HOT, say, memory_seconds=60),
    Endpoint(MINE, say, needs_viewer=True),
    Endpoint(RAW, say),
    Endpoint(PUT, say),
    Endpoint(PING, say),
)


async def health(_: Request) -> Response:
    return PlainTextResponse("fine")


def server(world: World, hooks: Hooks[World] | None = None) -> XrpcServer[World]:
    hooks = replace(hooks or Hooks[World](), validates_output=True)
    elsewhere = Starlette(routes=[Route("/xrpc/_health", health), Route("/", health)])
    return XrpcServer(CATALOG, ENDPOINTS, world, elsewhere, hooks)


@asynccontextmanager
async def asking(
    world: World | None = None, hooks: Hooks[World] | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(server(world or World(), hooks))
    async with httpx.AsyncClient(transport=transport, base_url="http://test/xrpc/") as client:
        client.headers.clear()
        yield client


def envelope(response: httpx.Response) -> tuple[int, str, str]:
    assert response.headers["content-type"] == "application/json"
    assert response.headers["access-control-allow-origin"] == "*"
    body = response.json()
    assert set(body) == {"error", "message"}
    return response.status_code, body["error"], body["message"]
