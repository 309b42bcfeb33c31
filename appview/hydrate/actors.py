"""The account that a query is about: it must be known here, and shown."""

from lexicons.syntax import NO_HANDLE, Did
from migrations.runner import Connection
from xrpc.errors import XrpcError, invalid_request

_BY_DID = "select did from account where did = $1 and active"

_BY_HANDLE = "select did from account where handle = $1 and active"


async def shown_actor(
    connection: Connection,
    actor: str,
    error_name: str = "InvalidRequest",
    parameter: str = "actor",
) -> Did:
    if actor.lower() == NO_HANDLE:
        raise invalid_request(f"{parameter}: {actor} stands for an account without a proven handle")
    if actor.startswith("did:"):
        did: Did | None = await connection.fetchval(_BY_DID, actor)
    else:
        did = await connection.fetchval(_BY_HANDLE, actor.lower())
    if did is None:
        raise XrpcError(400, error_name, f"{parameter} not found: {actor}")
    return did
