"""A directory, a PDS and a relay at one address on loopback: all that this service asks of others.

Accounts only ever write; nobody deletes, moves or lies here.
"""

import asyncio
import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from appview.demo.repository import Json, Repository, frame, now
from lexicons.cid import Cid, raw_cid
from lexicons.syntax import Did, Handle, Tid, tid_from_micros
from xrpc.keys import multikey


@dataclass(frozen=True, slots=True)
class Written:
    uri: str
    cid: str

    @property
    def ref(self) -> Json:
        return {"uri": self.uri, "cid": self.cid}


@dataclass(slots=True, eq=False)
class Account:
    network: "Network"
    handle: Handle
    repository: Repository

    @property
    def did(self) -> Did:
        return self.repository.did

    def write(self, collection: str, record: Json, rkey: str | None = None) -> Written:
        rev = self.network.next_tid()
        path = f"{collection}/{rkey or self.network.next_tid()}"
        made = {"$type": collection, "createdAt": now(), **record}
        self.network.tell("commit", self.repository.commit(rev, {path: made}))
        return Written(f"at://{self.did}/{path}", str(Cid(self.repository.records[path])))

    def blob(self, data: bytes, mime_type: str) -> Json:
        cid = Cid(raw_cid(data))
        self.network.blobs[self.did, str(cid)] = data, mime_type
        return {"$type": "blob", "ref": cid, "mimeType": mime_type, "size": len(data)}

    def document(self) -> dict[str, object]:
        return {
            "@context": ["https://www.w3.org/ns/did/v1"],
            "id": self.did,
            "alsoKnownAs": [f"at://{self.handle}"],
            "verificationMethod": [
                {
                    "id": f"{self.did}#atproto",
                    "type": "Multikey",
                    "controller": self.did,
                    "publicKeyMultibase": multikey(self.repository.key.public),
                }
            ],
            "service": [
                {
                    "id": "#atproto_pds",
                    "type": "AtprotoPersonalDataServer",
                    "serviceEndpoint": self.network.url,
                }
            ],
        }


@dataclass(slots=True, eq=False)
class Network:
    url: str
    accounts: dict[str, Account] = field(default_factory=dict)
    blobs: dict[tuple[Did, str], tuple[bytes, str]] = field(default_factory=dict)
    pictures: dict[str, bytes] = field(default_factory=dict)
    frames: list[bytes] = field(default_factory=list)
    """Of the relay; the place of each is its seq, less one."""
    is_over: bool = False
    _micros: int = 0
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def join(self, handle: str) -> Account:
        did = Did("did:plc:" + base64.b32encode(secrets.token_bytes(15)).decode().lower())
        account = self.accounts[did] = Account(self, Handle(handle), Repository(did))
        self.tell("identity", {"did": did, "handle": handle, "time": now()})
        self.tell("account", {"did": did, "active": True, "time": now()})
        self.tell("commit", account.repository.commit(self.next_tid(), {}))
        return account

    def picture(self, data: bytes) -> str:
        """The address at which it is from now on."""
        name = hashlib.sha256(data).hexdigest()[:16]
        self.pictures[name] = data
        return f"{self.url}/pictures/{name}.png"

    def next_tid(self) -> Tid:
        self._micros = max(self._micros + 1, time.time_ns() // 1000)
        return tid_from_micros(self._micros)

    def tell(self, kind: str, event: Json) -> None:
        self.frames.append(frame(kind, event, len(self.frames) + 1))
        self._move()

    def end(self) -> None:
        """Those who listen are told nothing more."""
        self.is_over = True
        self._move()

    def _move(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def frames_after(self, seq: int) -> AsyncIterator[bytes]:
        while not self.is_over:
            moved = self._moved
            for told in self.frames[seq:]:
                seq += 1
                yield told
            await moved.wait()

    def app(self) -> Starlette:
        xrpc = {
            "com.atproto.identity.resolveHandle": self._resolve_handle,
            "com.atproto.sync.getBlob": self._get_blob,
            "com.atproto.sync.getLatestCommit": self._get_latest_commit,
            "com.atproto.sync.getRepo": self._get_repo,
            "com.atproto.sync.getRepoStatus": self._get_repo_status,
            "com.atproto.sync.listReposByCollection": self._list_repos,
        }

        async def method(request: Request) -> Response:
            answer = xrpc.get(request.path_params["nsid"])
            return _error(501, "MethodNotImplemented") if answer is None else answer(request)

        return Starlette(
            routes=[
                WebSocketRoute("/xrpc/com.atproto.sync.subscribeRepos", self._subscribe_repos),
                Route("/xrpc/{nsid}", method),
                Route("/pictures/{name}", self._picture),
                Route("/{did}", self._document),
            ]
        )

    # the directory -----------------------------------------------------------------------------

    async def _document(self, request: Request) -> Response:
        account = self.accounts.get(request.path_params["did"])
        return _error(404, "NotFound") if account is None else _json(account.document())

    def _resolve_handle(self, request: Request) -> Response:
        handle = request.query_params.get("handle")
        for account in self.accounts.values():
            if account.handle == handle:
                return _json({"did": account.did})
        return _error(400, "HandleNotFound")

    async def _picture(self, request: Request) -> Response:
        data = self.pictures.get(request.path_params["name"].removesuffix(".png"))
        return _error(404, "NotFound") if data is None else Response(data, media_type="image/png")

    # the PDS -----------------------------------------------------------------------------------

    def _get_blob(self, request: Request) -> Response:
        asked = request.query_params
        found = self.blobs.get((Did(asked.get("did", "")), asked.get("cid", "")))
        if found is None:
            return _error(400, "BlobNotFound")
        data, mime_type = found
        return Response(data, media_type=mime_type)

    def _get_latest_commit(self, request: Request) -> Response:
        repository = self._asked(request)
        if repository is None:
            return _error(400, "RepoNotFound")
        return _json({"cid": str(Cid(repository.head)), "rev": repository.rev})

    def _get_repo(self, request: Request) -> Response:
        repository = self._asked(request)
        if repository is None:
            return _error(400, "RepoNotFound")
        return Response(repository.car(), media_type="application/vnd.ipld.car")

    def _get_repo_status(self, request: Request) -> Response:
        repository = self._asked(request)
        if repository is None:
            return _error(400, "RepoNotFound")
        return _json({"did": repository.did, "active": True, "rev": repository.rev})

    def _asked(self, request: Request) -> Repository | None:
        account = self.accounts.get(request.query_params.get("did", ""))
        return None if account is None else account.repository

    # the relay ---------------------------------------------------------------------------------

    def _list_repos(self, _: Request) -> Response:
        return _json({"repos": [{"did": did} for did in self.accounts]})

    async def _subscribe_repos(self, socket: WebSocket) -> None:
        await socket.accept()
        with suppress(WebSocketDisconnect):
            async for told in self.frames_after(int(socket.query_params.get("cursor", 0))):
                await socket.send_bytes(told)
            await socket.close()


def _json(body: object, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")


def _error(status: int, name: str) -> Response:
    return _json({"error": name, "message": name}, status)
