"""Accounts by DID or handle, and their profiles."""

from collections.abc import Iterable, Sequence

from appview.row import Row
from lexicons.syntax import Did
from migrations.runner import Connection

_DIDS_OF_HANDLES = "select handle, did from account where handle = any($1)"

_REV = "select rev from repo where did = $1 and state = 'synchronized'"

_REASONS = """
select
    asked.did,
    case
        when exists (
            select from local.takedown where takedown.subject = asked.did
        ) then 'taken-down'
        when not account.active then 'account-inactive'
        else 'not-indexed'
    end as reason
from unnest($1::text[]) as asked (did)
left join account using (did)
"""

_PROFILES = """
select
    shown_account.*,
    coalesce(account_count.tracks, 0) as tracks,
    coalesce(account_count.lists, 0) as lists,
    coalesce(account_count.likes_given, 0) as likes_given,
    coalesce(account_count.likes_received, 0) as likes_received
from unnest($1::text[]) as asked (did)
join shown_account using (did)
left join account_count using (did)
"""


async def find_dids(connection: Connection, actors: Iterable[str]) -> dict[str, Did]:
    """By actor as it was asked for; handles that nobody has proven are absent."""
    found = {actor: Did(actor) for actor in actors if actor.startswith("did:")}
    handles = {actor: actor.lower() for actor in actors if actor not in found}
    if handles:
        rows = await connection.fetch(_DIDS_OF_HANDLES, list(handles.values()))
        proven = {row["handle"]: Did(row["did"]) for row in rows}
        found |= {actor: proven[handle] for actor, handle in handles.items() if handle in proven}
    return found


async def load_account_reasons(connection: Connection, dids: Sequence[str]) -> dict[str, str]:
    """Why an account that is not shown is not, by DID."""
    if not dids:
        return {}
    return {row["did"]: row["reason"] for row in await connection.fetch(_REASONS, dids)}


async def load_profiles(connection: Connection, dids: Sequence[str]) -> dict[str, Row]:
    if not dids:
        return {}
    return {row["did"]: row for row in await connection.fetch(_PROFILES, dids)}


async def load_rev(connection: Connection, did: Did) -> str | None:
    """Of the newest commit of which, and before which, everything is here."""
    rev: str | None = await connection.fetchval(_REV, did)
    return rev
