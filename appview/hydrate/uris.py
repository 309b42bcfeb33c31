"""AT URIs under the DID of their account, as every table holds them."""

from collections.abc import Sequence

from appview.hydrate.accounts import find_dids
from lexicons.syntax import parse_at_uri
from migrations.runner import Connection


async def did_uri(connection: Connection, uri: str) -> str:
    (found,) = await did_uris(connection, [uri])
    return found


async def did_uris(connection: Connection, uris: Sequence[str]) -> list[str]:
    """Each once, in the order given; one whose handle nobody has proven stays as it is."""
    authorities = [parse_at_uri(uri).authority for uri in uris]
    dids = await find_dids(connection, set(authorities))
    found = (
        uri.replace(authority, dids.get(authority, authority), 1)
        for uri, authority in zip(uris, authorities, strict=True)
    )
    return list(dict.fromkeys(found))
