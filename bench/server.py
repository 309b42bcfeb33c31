"""A server under load: our program, or the least that could answer with the same rows.

Both are given the same pool, and the same uvicorn by the same function.
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import orjson
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from appview import log as logs
from appview.app import create_app
from appview.composition import app_settings, open_tools
from appview.config import Config, from_env
from appview.serving import answer, listening
from bench.processes import until_we_end
from indexer.service import Tools
from migrations.database import Pool

NEWEST = """
select * from shown_track
order by sort_at desc, uri desc
limit 50
"""

AFTER = """
select * from shown_track
where (sort_at, uri) < ($1, $2)
order by sort_at desc, uri desc
limit 50
"""


def ours(config: Config, tools: Tools) -> ASGIApp:
    return create_app(app_settings(config), tools.pool, tools.catalog, tools.resolver)


def ours_without_memory(config: Config, tools: Tools) -> ASGIApp:
    settings = replace(app_settings(config), remembers_pages=False)
    return create_app(settings, tools.pool, tools.catalog, tools.resolver)


def bare(_: Config, tools: Tools) -> ASGIApp:
    pool: Pool = tools.pool

    async def latest(request: Request) -> Response:
        if "uri" in request.query_params:
            at = datetime.fromisoformat(request.query_params["at"])
            rows = await pool.fetch(AFTER, at, request.query_params["uri"])
        else:
            rows = await pool.fetch(NEWEST)
        body = orjson.dumps([dict(row) for row in rows])
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/latest", latest)])


APPS: dict[str, Callable[[Config, Tools], ASGIApp]] = {
    "ours": ours,
    "ours-without-memory": ours_without_memory,
    "bare": bare,
}


async def main(kind: str, database_url: str) -> None:
    config = from_env(
        {
            "PLYR_DATABASE_URL": database_url,
            "PLYR_PORT": "0",
            "PLYR_LOG_LEVEL": "warning",
            # Kept as shipped, but never reached: all clients share one address.
            "PLYR_RATE_LIMIT_REQUESTS": "1000000000",
        }
    )
    logs.configure(config.log_format, config.log_level)
    stop = asyncio.Event()
    listener = listening(config)
    async with open_tools(config, migrate=False) as tools:
        serving = asyncio.create_task(answer(config, APPS[kind](config, tools), listener, stop))
        await until_we_end(listener.getsockname()[1])
        stop.set()
        await serving


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
