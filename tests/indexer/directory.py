"""A PLC directory and handle resolver on loopback, serving the documents it is given."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support import wait_until


@asynccontextmanager
async def serving_directory(
    documents: Mapping[str, Mapping[str, Any]], *, first_answer_seconds: float = 0
) -> AsyncIterator[str]:
    """The origin that answers `/{did}` and com.atproto.identity.resolveHandle.

    The first answer about each DID takes that long.
    """
    owners = {
        name.removeprefix("at://"): did
        for did, document in documents.items()
        for name in document["alsoKnownAs"]
    }

    asked: set[str] = set()

    async def document(request: Request) -> Response:
        did = request.path_params["did"]
        if did not in asked:
            asked.add(did)
            await asyncio.sleep(first_answer_seconds)
        found = documents.get(did)
        return JSONResponse(found, 200 if found else 404)

    async def resolve_handle(request: Request) -> Response:
        did = owners.get(request.query_params["handle"])
        if did is None:
            error = {"error": "InvalidRequest", "message": "Unable to resolve handle"}
            return JSONResponse(error, 400)
        return JSONResponse({"did": did})

    app = Starlette(
        routes=[
            Route("/xrpc/com.atproto.identity.resolveHandle", resolve_handle),
            Route("/{did}", document),
        ]
    )
    async with serving(app) as origin:
        yield origin


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    config = uvicorn.Config(app, port=0, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    await wait_until(lambda: server.started)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
