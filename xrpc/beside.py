"""What a service answers beside /xrpc/: pages, pictures, documents.

Under the limits of a query, with its errors, counted where it is. All of it is for anybody.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from xrpc import metrics
from xrpc.caller_rates import address_of, caller
from xrpc.errors import Translate, XrpcError, told_error
from xrpc.rate_limit import RateLimiter
from xrpc.replies import CORS, Page, Reply, error_reply, page_reply, preflight_reply

Answer: TypeAlias = Callable[[Request], Awaitable[Response | Page]]
Refuse: TypeAlias = Callable[[XrpcError], Response]


def refusal(error: XrpcError) -> Response:
    return _response(error_reply(error))


@dataclass(frozen=True, slots=True)
class Beside:
    """`seconds`: how long an answer may take to begin."""

    seconds: float
    translate: Translate
    limiter: RateLimiter | None = None

    def route(
        self, path: str, answer: Answer, refuse: Refuse = refusal, *, is_free: bool = False
    ) -> Route:
        """`is_free`: costs the caller nothing, or what `answer` itself takes."""

        async def respond(request: Request) -> Response:
            started = time.perf_counter()
            asked = dict(request.scope["headers"])
            try:
                if request.method == "OPTIONS":
                    response = _response(preflight_reply(asked))
                else:
                    if not is_free:
                        self.take(request)
                    async with asyncio.timeout(self.seconds):
                        made = await answer(request)
                    response = (
                        _response(page_reply(made, asked)) if isinstance(made, Page) else made
                    )
            except Exception as error:  # noqa: BLE001 - nothing of ours may reach a stranger
                response = refuse(told_error(error, self.translate, path, None))
            response.raw_headers += CORS
            metrics.count(path, response.status_code, time.perf_counter() - started)
            return response

        return Route(path, respond, methods=["GET", "HEAD", "OPTIONS"])

    def take(self, request: Request) -> None:
        """Counts for the caller's rate; raises XrpcError."""
        if self.limiter is not None:
            self.limiter.take(caller(None, address_of(request.scope)))


def _response(reply: Reply) -> Response:
    response = Response(reply.body, reply.status)
    response.raw_headers += reply.headers
    return response
