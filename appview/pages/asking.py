"""The queries as the pages ask them: as anybody would."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from appview.context import AppContext
from appview.labelling import label
from appview.pages.cards import Places
from appview.pages.html import Templates, fresh
from appview.pictures.pictures import Gallery
from lexicons.syntax import Nsid
from xrpc.beside import Beside
from xrpc.errors import XrpcError
from xrpc.server import XrpcRequest

T = TypeVar("T", bound=Mapping[str, object])
Params = Mapping[str, str | int | Sequence[str]]


class NoPage(XrpcError):
    """There is nothing to show; the text says so to a person."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, "NoPage", text)


@dataclass(frozen=True, slots=True)
class Site:
    context: AppContext
    templates: Templates
    places: Places
    beside: Beside
    gallery: Gallery | None

    async def ask(
        self, nsid: str, query: Callable[[AppContext, XrpcRequest], Awaitable[T]], params: Params
    ) -> T:
        request = XrpcRequest(Nsid(nsid), dict(params), None, None, Headers())
        answer = await query(self.context, request)
        await label(self.context, answer, self.context.settings.labelers)
        return answer

    def route(self, path: str, make: Callable[["Site", Request], Awaitable[Response]]) -> Route:
        async def answer(request: Request) -> Response:
            return fresh(await make(self, request), request.headers)

        return self.beside.route(path, answer, self._refusal)

    def _refusal(self, error: XrpcError) -> Response:
        response = self.templates.response("none.html", error.status, text=error.message)
        response.headers.update(error.headers)
        return response
