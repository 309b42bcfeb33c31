"""What is served beside XRPC: who this service is, that it lives, and the lexicons it speaks."""

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from appview.context import AppContext
from appview.events.event import NSID as EVENTS_NSID
from appview.events.source import PATH as EVENTS_PATH
from lexicons.catalog import Catalog
from xrpc.beside import Beside
from xrpc.errors import XrpcError
from xrpc.keys import multikey
from xrpc.openapi import openapi
from xrpc.replies import Page

DID_CONTEXT = "https://www.w3.org/ns/did/v1"
KEY_CONTEXT = "https://w3id.org/security/multikey/v1"
SERVICE_ID = "#plyr_appview"
SERVICE_TYPE = "PlyrAppView"
ROBOTS = "User-agent: *\nAllow: /\n"


def did_document(context: AppContext) -> dict[str, object]:
    """With the key, where the operator names one, of whatever signs in the service's name."""
    did, key = context.settings.service_did, context.settings.service_key
    method = {"id": f"{did}#atproto", "type": "Multikey", "controller": did}
    service = {
        "id": SERVICE_ID,
        "type": SERVICE_TYPE,
        "serviceEndpoint": context.settings.origin,
    }
    if key is None:
        return {"@context": [DID_CONTEXT], "id": did, "service": [service]}
    return {
        "@context": [DID_CONTEXT, KEY_CONTEXT],
        "id": did,
        "verificationMethod": [{**method, "publicKeyMultibase": multikey(key)}],
        "service": [service],
    }


def wellknown_routes(context: AppContext, catalog: Catalog, beside: Beside) -> list[Route]:
    settings = context.settings
    did_json = did_document(context)
    events = {EVENTS_PATH: EVENTS_NSID}
    described = openapi(catalog, version=settings.version, origin=settings.origin, events=events)
    description = Page(orjson.dumps(described))
    index = Page(orjson.dumps({"lexicons": sorted(catalog.documents)}))
    documents = {nsid: Page(orjson.dumps(document)) for nsid, document in catalog.documents.items()}

    async def robots(_: Request) -> Response:
        return PlainTextResponse(ROBOTS)

    async def did(_: Request) -> Response:
        return json_response(did_json)

    async def health(_: Request) -> Response:
        await context.pool.fetchval("select 1")
        return json_response({"version": settings.version})

    def unhealthy(_: XrpcError) -> Response:
        return json_response({"version": settings.version, "error": "Service Unavailable"}, 503)

    async def nothing(_: Request) -> Response:
        raise XrpcError(404, "XRPCNotSupported", "there is nothing at this path")

    async def openapi_json(_: Request) -> Page:
        return description

    async def lexicon_index(_: Request) -> Page:
        return index

    async def lexicon(request: Request) -> Page:
        document = documents.get(request.path_params["nsid"])
        if document is None:
            raise XrpcError(404, "NotFound", "this lexicon is not spoken here")
        return document

    return [
        beside.route("/robots.txt", robots, is_free=True),
        beside.route("/.well-known/did.json", did, is_free=True),
        beside.route("/xrpc/_health", health, unhealthy, is_free=True),
        beside.route("/xrpc/{other:path}", nothing),
        beside.route("/openapi.json", openapi_json),
        beside.route("/lexicons/", lexicon_index),
        beside.route("/lexicons/{nsid}.json", lexicon),
        beside.route("/lexicons/{nsid}", lexicon),
    ]


def json_response(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
