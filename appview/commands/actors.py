"""What an operator calls an account: a DID or a handle."""

from collections.abc import Iterable

import click

from indexer.service import Tools
from lexicons.syntax import Did, Handle, InvalidSyntax, parse_did, parse_handle
from xrpc.identity import IdentityError


async def find_dids(tools: Tools, actors: Iterable[str]) -> list[Did]:
    return list(dict.fromkeys([await find_did(tools, actor) for actor in actors]))


async def find_did(tools: Tools, actor: str) -> Did:
    """The account that has proven the handle here, else whoever proves it now.

    A domain may point at anybody: whom its owner would like to see taken down, say.
    """
    try:
        if actor.startswith("did:"):
            return parse_did(actor)
        handle = parse_handle(actor.removeprefix("@"))
    except InvalidSyntax as error:
        raise click.UsageError(f"{actor} is neither a DID nor a handle: {error}") from error
    did = await find_holder(tools, handle)
    if did is not None:
        return did
    try:
        return (await tools.resolver.resolve_by_handle(handle)).did
    except IdentityError as error:
        raise click.ClickException(str(error)) from error


async def find_holder(tools: Tools, handle: Handle) -> Did | None:
    """Who has proven the handle here."""
    did: Did | None = await tools.pool.fetchval("select did from account where handle = $1", handle)
    return did
