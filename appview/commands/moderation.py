"""takedown and restore: what a person decides, into effect."""

import getpass
import os
from collections.abc import Sequence

import click

from appview.commands.actors import find_did
from appview.composition import open_tools
from appview.config import Config
from indexer import moderation
from indexer.moderation import Decision, Subject, parse_subject
from indexer.records.registry import record_types
from indexer.service import Tools
from lexicons.cid import InvalidCid
from lexicons.syntax import InvalidSyntax
from migrations.database import Pool

SCHEME = "at://"
IS_KNOWN = """
select exists (select from account where did = $1) and ($3 = '' or exists (
    select from record where did = $1 and collection = $2 and rkey = $3
))
"""

# A row without a labeler is a decision made here.
LABELERS = """
select labeler
from local.takedown
where subject = $1
and labeler <> ''
order by labeler
"""


async def take_down(
    config: Config, words: Sequence[str], *, reason: str | None, actor: str | None
) -> None:
    async with open_tools(config, migrate=False) as tools:
        subject = await _subject(tools, words)
        decision = Decision(subject, actor or user(), reason)
        is_new = await moderation.take_down(tools.pool, record_types(config.namespace), decision)
        click.echo(f"{'taken down' if is_new else 'was taken down already'}: {subject}")
        if not await _is_known(tools.pool, subject):
            click.echo("it is not indexed here: should it come, it will be hidden", err=True)


async def restore(
    config: Config, words: Sequence[str], *, reason: str | None, actor: str | None
) -> None:
    async with open_tools(config, migrate=False) as tools:
        subject = await _subject(tools, words)
        decision = Decision(subject, actor or user(), reason)
        is_restored = await moderation.restore(tools.pool, record_types(config.namespace), decision)
        labelers = [row["labeler"] for row in await tools.pool.fetch(LABELERS, subject)]
        if not is_restored:
            by = f" here, but by {', '.join(labelers)}" if labelers else ""
            raise click.ClickException(f"{subject} is not taken down{by}")
        click.echo(f"restored: {subject}")
        if labelers:
            click.echo(f"it stays hidden by {', '.join(labelers)}", err=True)


async def _subject(tools: Tools, words: Sequence[str]) -> Subject:
    text = "/".join(words)
    scheme = SCHEME if text.startswith(SCHEME) else ""
    actor, slash, rest = text.removeprefix(SCHEME).partition("/")
    did = await find_did(tools, actor)
    try:
        return parse_subject(f"{scheme}{did}{slash}{rest}")
    except (InvalidSyntax, InvalidCid) as error:
        raise click.UsageError(str(error)) from error


async def _is_known(pool: Pool, subject: Subject) -> bool:
    """Of a blob its account: the same bytes may be in any of its records."""
    did, *path = subject.removeprefix(SCHEME).split("/")
    collection, rkey = path if len(path) == 2 else ("", "")
    return bool(await pool.fetchval(IS_KNOWN, did, collection, rkey))


def user() -> str:
    """Who types; in a container that may be nobody with a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
