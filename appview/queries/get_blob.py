"""fm.plyr.playback.getBlob: bytes that are what their CID says, whole or in part."""

from typing import cast

from starlette.responses import Response

from appview.context import AppContext
from appview.media.filling import Broken
from appview.media.permits import NotReferenced, TakenDown
from appview.media.response import answer, not_modified
from lexicons.cid import InvalidCid, parse_cid
from lexicons.syntax import Did
from lexicons.types import GetBlobParams
from xrpc.errors import UPSTREAM_UNAVAILABLE, XrpcError, invalid_request
from xrpc.server import XrpcRequest

RETRY_SECONDS = 15


async def get_blob(context: AppContext, request: XrpcRequest) -> Response:
    params = cast(GetBlobParams, request.params)
    try:
        cid = parse_cid(params["cid"])
    except InvalidCid as error:
        raise invalid_request(f"cid: {error}") from error
    if context.blobs is None:
        raise XrpcError(400, "BlobNotFound", "cid: no blobs are served here")
    try:
        permitted = await context.blobs.permit(context.pool, Did(params["did"]), cid)
    except NotReferenced as error:
        raise XrpcError(400, "BlobNotFound", f"cid: {error}") from error
    except TakenDown as error:
        raise XrpcError(400, "BlobTakedown", f"cid: {error} is taken down") from error
    etag = f'"{cid}"'
    if (same := not_modified(request.headers, etag)) is not None:
        return same
    if (permitted.size or 0) > context.blobs.sources.max_blob_bytes:
        raise XrpcError(400, "BlobTooLarge", f"cid: {cid} has {permitted.size} bytes")
    url = permitted.url if context.trust.covers(permitted.url) else None
    try:
        opened = await context.blobs.open(permitted, url)
    except Broken as error:
        raise _unavailable(str(error)) from error
    return answer(opened, request.headers, etag, permitted.mime_type)


def _unavailable(why: str) -> XrpcError:
    return XrpcError(502, UPSTREAM_UNAVAILABLE, why, {"retry-after": str(RETRY_SECONDS)})
