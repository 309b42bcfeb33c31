"""AT URIs under the DID of their account, as every table holds them."""

from collections.abc import Sequence

from appview.hydrate.accounts import find_dids
from lexicons.syntax import parse_at_uri
from migrations.runner import Connection


async def load_did_uris(connection: Connection, uris: Sequence[str]) -> dict[str, str]:
    """By URI as it was asked for; one whose handle nobody has proven stays as it is."""
    authorities = {uri: parse_at_uri(uri).authority for uri in uris}
    dids = await find_dids(connection, set(authorities.values()))
    return {
        uri: uri.replace(authority, dids.get(authority, authority), 1)
        for uri, authority in authorities.items()
    }


async def did_uri(connection: Connection, uri: str) -> str:
    return (await load_did_uris(connection, [uri]))[uri]
