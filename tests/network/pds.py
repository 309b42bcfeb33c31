"""A PDS: accounts with their repositories, and the read side of com.atproto.sync and .repo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tests.network.encoding import RAW, Decoded, Link, car, from_dag_cbor, link_to, parse_link
from tests.network.http import HttpServer, json_response, xrpc_error
from tests.network.keys import SigningKey
from tests.network.repo import Json, Repo

STATUS_ERRORS = {
    "deactivated": "RepoDeactivated",
    "suspended": "RepoSuspended",
    "takendown": "RepoTakendown",
    "deleted": "RepoNotFound",
}


@dataclass(slots=True, eq=False)
class Account:
    did: str
    handle: str
    key: SigningKey
    repo: Repo
    pds: Pds
    status: str = "active"
    also_known_as: list[str] | None = None
    document: Json = field(default_factory=dict)
    """Fields that replace those of the DID document."""

    @property
    def active(self) -> bool:
        return self.status == "active"

    def did_document(self) -> Json:
        claims = [f"at://{self.handle}"] if self.also_known_as is None else self.also_known_as
        method = {
            "id": f"{self.did}#atproto",
            "type": "Multikey",
            "controller": self.did,
            "publicKeyMultibase": self.key.multikey,
        }
        service = {
            "id": "#atproto_pds",
            "type": "AtprotoPersonalDataServer",
            "serviceEndpoint": self.pds.url,
        }
        return {
            "@context": [
                "https://www.w3.org/ns/did/v1",
                "https://w3id.org/security/multikey/v1",
            ],
            "id": self.did,
            "alsoKnownAs": claims,
            "verificationMethod": [method],
            "service": [service],
            **self.document,
        }


def as_json(value: Decoded) -> Decoded:
    if isinstance(value, Link):
        return {"$link": str(value)}
    if isinstance(value, dict):
        return {name: as_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value


class Pds(HttpServer):
    def __init__(self) -> None:
        super().__init__()
        self.accounts: dict[str, Account] = {}
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.stale: dict[str, Repo] = {}
        """DIDs whose repository is served as it was: an old backup, say."""

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def repo(self, account: Account) -> Repo:
        return self.stale.get(account.did, account.repo)

    def add_blob(self, did: str, data: bytes, mime_type: str) -> Json:
        link = link_to(data, RAW)
        self.blobs[did, str(link)] = data
        return {"$type": "blob", "ref": link, "mimeType": mime_type, "size": len(data)}

    async def answer(self, request: Request, name: str) -> Response:
        if name in {"did.json", "atproto-did"}:
            return self._well_known(name)
        endpoint = ENDPOINTS.get(name)
        if endpoint is None:
            return xrpc_error("MethodNotImplemented", status=501)
        return endpoint(self, request)

    def _well_known(self, name: str) -> Response:
        account = next(iter(self.accounts.values()), None)
        if account is None:
            return Response(status_code=404)
        if name == "did.json":
            return json_response(account.did_document())
        return PlainTextResponse(account.did)

    def find(self, request: Request, parameter: str = "did") -> Account | Response:
        account = self.accounts.get(request.query_params.get(parameter, ""))
        if account is None:
            return xrpc_error("RepoNotFound", "Could not find repo")
        if error := STATUS_ERRORS.get(account.status):
            return xrpc_error(error, f"Repo is {account.status}")
        return account


Endpoint = Callable[[Pds, Request], Response]


def of_account(answer: Callable[[Pds, Account, Request], Response]) -> Endpoint:
    def endpoint(pds: Pds, request: Request) -> Response:
        parameter = "repo" if "repo" in request.query_params else "did"
        found = pds.find(request, parameter)
        return found if isinstance(found, Response) else answer(pds, found, request)

    return endpoint


def _car(data: bytes) -> Response:
    return Response(data, media_type="application/vnd.ipld.car")


def get_repo(pds: Pds, account: Account, _: Request) -> Response:
    return _car(pds.repo(account).car())


def get_blocks(pds: Pds, account: Account, request: Request) -> Response:
    wanted = [parse_link(text) for text in request.query_params.getlist("cids")]
    blocks = pds.repo(account).blocks()
    if missing := [str(link) for link in wanted if link not in blocks]:
        return xrpc_error("InvalidRequest", f"Could not find cids: {missing}")
    return _car(car([], {link: blocks[link] for link in wanted}))


def get_latest_commit(pds: Pds, account: Account, _: Request) -> Response:
    repo = pds.repo(account)
    return json_response({"cid": str(repo.head), "rev": repo.rev})


def get_repo_status(pds: Pds, request: Request) -> Response:
    account = pds.accounts.get(request.query_params.get("did", ""))
    if account is None or account.status == "deleted":
        return xrpc_error("RepoNotFound", "Could not find repo")
    return json_response({"did": account.did, **_status(account)})


def _status(account: Account) -> Json:
    if account.active:
        return {"active": True, "rev": account.repo.rev}
    return {"active": False, "status": account.status}


def get_record_proof(pds: Pds, account: Account, request: Request) -> Response:
    repo = pds.repo(account)
    key = f"{request.query_params['collection']}/{request.query_params['rkey']}".encode()
    nodes = repo.tree.nodes
    blocks = {repo.head: repo.head_block, **{link: nodes[link] for link in repo.tree.path(key)}}
    if key in repo.records:
        blocks[repo.records[key]] = repo.values[repo.records[key]]
    return _car(car([repo.head], blocks))


def get_record(pds: Pds, account: Account, request: Request) -> Response:
    path = f"{request.query_params['collection']}/{request.query_params['rkey']}"
    shown = dict(_records(pds.repo(account), account.did, path))
    if not shown:
        return xrpc_error("RecordNotFound", f"Could not locate record: {path}")
    return json_response(next(iter(shown.values())))


def list_records(pds: Pds, account: Account, request: Request) -> Response:
    limit = int(request.query_params.get("limit", 50))
    after = request.query_params.get("cursor", "")
    prefix = request.query_params["collection"] + "/"
    found = [
        item
        for item in _records(pds.repo(account), account.did, prefix)
        if item[0].removeprefix(prefix) > after
    ]
    page: Json = {"records": [value for _, value in found[:limit]]}
    if len(found) > limit:
        page["cursor"] = found[limit - 1][0].removeprefix(prefix)
    return json_response(page)


def _records(repo: Repo, did: str, prefix: str) -> Iterator[tuple[str, Json]]:
    for key, link in sorted(repo.records.items()):
        path = key.decode(errors="replace")
        if path.startswith(prefix):
            value = as_json(from_dag_cbor(repo.values[link]))
            yield path, {"uri": f"at://{did}/{path}", "cid": str(link), "value": value}


def list_repos(pds: Pds, request: Request) -> Response:
    limit = int(request.query_params.get("limit", 500))
    after = request.query_params.get("cursor", "")
    dids = sorted(did for did, account in pds.accounts.items() if account.status != "deleted")
    page = [did for did in dids if did > after]
    repos = [listed(pds.accounts[did]) for did in page[:limit]]
    more = {"cursor": page[limit - 1]} if len(page) > limit else {}
    return json_response({"repos": repos, **more})


def listed(account: Account) -> Json:
    head = {"did": account.did, "head": str(account.repo.head), "rev": account.repo.rev}
    return {**head, **_status(account)}


def describe_repo(_: Pds, account: Account, __: Request) -> Response:
    collections = sorted({key.split(b"/")[0].decode() for key in account.repo.records})
    return json_response(
        {
            "handle": account.handle,
            "did": account.did,
            "didDoc": account.did_document(),
            "collections": collections,
            "handleIsCorrect": True,
        }
    )


def get_blob(pds: Pds, account: Account, request: Request) -> Response:
    data = pds.blobs.get((account.did, request.query_params.get("cid", "")))
    if data is None:
        return xrpc_error("BlobNotFound", "Blob not found")
    return Response(data, media_type="application/octet-stream")


def resolve_handle(pds: Pds, request: Request) -> Response:
    handle = request.query_params.get("handle", "")
    for account in pds.accounts.values():
        if account.handle == handle:
            return json_response({"did": account.did})
    return xrpc_error("HandleNotFound", "Unable to resolve handle")


ENDPOINTS: dict[str, Endpoint] = {
    "com.atproto.sync.getRepo": of_account(get_repo),
    "com.atproto.sync.getBlocks": of_account(get_blocks),
    "com.atproto.sync.getLatestCommit": of_account(get_latest_commit),
    "com.atproto.sync.getRepoStatus": get_repo_status,
    "com.atproto.sync.getRecord": of_account(get_record_proof),
    "com.atproto.sync.listRepos": list_repos,
    "com.atproto.sync.getBlob": of_account(get_blob),
    "com.atproto.repo.getRecord": of_account(get_record),
    "com.atproto.repo.listRecords": of_account(list_records),
    "com.atproto.repo.describeRepo": of_account(describe_repo),
    "com.atproto.identity.resolveHandle": resolve_handle,
}
