"""The account that a query is about: it must be known here, and shown."""

from appview.hydrate.accounts import find_did, is_shown
from lexicons.syntax import Did
from migrations.runner import Connection
from xrpc.errors import XrpcError, invalid_request

_NEVER_A_HANDLE = "handle.invalid"


async def shown_actor(
    connection: Connection, actor: str, error_name: str = "InvalidRequest"
) -> Did:
    if actor.lower() == _NEVER_A_HANDLE:
        raise invalid_request(f"actor: {actor} stands for an account without a proven handle")
    did = await find_did(connection, actor)
    if did is None or not await is_shown(connection, did):
        raise XrpcError(400, error_name, f"actor not found: {actor}")
    return did
