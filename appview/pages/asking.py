"""The queries as the pages ask them: as anybody would, under the same limits."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from appview.context import AppContext
from appview.pages.cards import Places
from appview.pages.html import Templates, fresh
from lexicons.syntax import Nsid
from xrpc.caller_rates import caller
from xrpc.errors import XrpcError
from xrpc.rate_limit import RateLimiter
from xrpc.server import XrpcRequest
from xrpc.stream import address_of

T = TypeVar("T")
Params = Mapping[str, str | int | Sequence[str]]
Translate = Callable[[Exception], XrpcError | None]


class NoPage(Exception):
    """There is nothing to show; the text says so to a person."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Site:
    context: AppContext
    templates: Templates
    places: Places
    limiter: RateLimiter | None
    translate: Translate

    async def ask(
        self, nsid: str, query: Callable[[AppContext, XrpcRequest], Awaitable[T]], params: Params
    ) -> T:
        return await query(
            self.context, XrpcRequest(Nsid(nsid), dict(params), None, None, Headers())
        )

    def route(self, path: str, make: Callable[["Site", Request], Awaitable[Response]]) -> Route:
        async def answer(request: Request) -> Response:
            try:
                if self.limiter is not None:
                    self.limiter.take(caller(None, address_of(request.scope)))
                async with asyncio.timeout(self.context.settings.answer_seconds):
                    return fresh(await make(self, request), request.headers)
            except NoPage as error:
                return self._none(error.status, str(error))
            except Exception as error:
                known = error if isinstance(error, XrpcError) else self.translate(error)
                if known is None:
                    raise
                response = self._none(known.status, known.message)
                response.headers.update(known.headers)
                return response

        return Route(path, answer)

    def _none(self, status: int, text: str) -> Response:
        return self.templates.response("none.html", status, text=text)
