"""The PLC directory, and the service that resolves handles, on one port."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from tests.network.http import HttpServer, json_response, xrpc_error
from tests.network.pds import Account


class Directory(HttpServer):
    """`handles` is what DNS would say: a handle may point at someone who does not claim it."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts: dict[str, Account] = {}
        self.handles: dict[str, str] = {}
        self.tombstoned: set[str] = set()

    async def answer(self, request: Request, name: str) -> Response:
        if name == "com.atproto.identity.resolveHandle":
            return self._resolve(request.query_params.get("handle", ""))
        if name in self.tombstoned:
            return json_response({"message": f"DID not available: {name}"}, 410)
        account = self.accounts.get(name)
        if account is None:
            return json_response({"message": f"DID not registered: {name}"}, 404)
        return json_response(account.did_document())

    def _resolve(self, handle: str) -> Response:
        did = self.handles.get(handle)
        if did is None:
            return xrpc_error("HandleNotFound", "Unable to resolve handle")
        return json_response({"did": did})
