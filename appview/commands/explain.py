"""explain: why an account or a record is shown, or is not, by what the database holds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click
import orjson

from appview.commands.actors import find_holder
from appview.commands.audit import build_audit
from appview.composition import open_reading_tools
from appview.config import Config
from appview.context import snapshot
from appview.explanation.accounts import account_facts, holdings_facts
from appview.explanation.facts import Fact, Weight, note, reason, reasons_of
from appview.explanation.records import collection_facts, record_facts
from appview.explanation.stored import load_account, load_record
from appview.rules import Trust
from indexer.audit import Looked
from indexer.comparison import Network
from indexer.service import Tools
from lexicons.cid import cid_text
from lexicons.syntax import (
    Did,
    InvalidSyntax,
    Nsid,
    RecordKey,
    parse_at_uri,
    parse_did,
    parse_handle,
)
from xrpc.identity import IdentityError

MARKS = {Weight.FINE: " ", Weight.NOTE: "~", Weight.REASON: "!"}
DIFFERENCES_AT_MOST = 20


@dataclass(frozen=True, slots=True)
class Target:
    """An account, or a record of it."""

    did: Did
    collection: str = ""
    rkey: str = ""

    @property
    def uri(self) -> str:
        if not self.rkey:
            return self.did
        return f"at://{self.did}/{self.collection}/{self.rkey}"


class Nobody(Exception):
    """No account here has proven the handle."""


async def explain(config: Config, text: str, *, ask: bool, as_json: bool) -> int:
    """The exit status: 0 for what is shown, 1 for what is not."""
    async with open_reading_tools(config) as tools:
        try:
            target = await _target(tools, text, ask=ask)
        except Nobody as error:
            return _say(text, [reason("handle", str(error))], as_json=as_json)
        facts = await _stored_facts(config, tools, target)
        if ask:
            auditor = build_audit(config, tools)
            network = await auditor.ask(target.did)
            looked = await auditor.compare(target.did, network)
            facts += [*_asked(target, network), *_differences(target, looked)]
    return _say(target.uri, facts, as_json=as_json)


async def _target(tools: Tools, text: str, *, ask: bool) -> Target:
    try:
        if not text.startswith("at://"):
            return Target(await _did(tools, text, ask=ask))
        uri = parse_at_uri(text)
    except InvalidSyntax as error:
        raise click.UsageError(f"neither an AT-URI nor a DID nor a handle: {error}") from error
    return Target(await _did(tools, uri.authority, ask=ask), uri.collection, uri.rkey)


async def _did(tools: Tools, actor: str, *, ask: bool) -> Did:
    if actor.startswith("did:"):
        return parse_did(actor)
    handle = parse_handle(actor.removeprefix("@"))
    did = await find_holder(tools, handle)
    if did is not None:
        return did
    if not ask:
        raise Nobody(f"nobody here has proven {handle}; --ask looks up who has it now")
    try:
        return await tools.resolver.resolve_handle(handle)
    except IdentityError as error:
        raise Nobody(str(error)) from error


async def _stored_facts(config: Config, tools: Tools, target: Target) -> list[Fact]:
    async with snapshot(tools.pool) as connection:
        account = await load_account(connection, target.did)
        facts = list(account_facts(target.did, account, tools.now()))
        if target.collection:
            known = tools.catalog.collections
            facts += collection_facts(target.collection, config.namespace, known)
        if target.rkey:
            record = await load_record(connection, target.did, target.collection, target.rkey)
            trust = Trust.of(config.public_url, config.trusted_media_hosts)
            facts += record_facts(target.uri, record, account, trust)
        else:
            facts += holdings_facts(account)
    return facts


def _asked(target: Target, network: Network) -> Iterator[Fact]:
    """What the network says now."""
    for failure in network.failures:
        yield note("asked", failure)
    if network.identity is not None:
        handle = network.identity.handle or "no proven handle"
        yield Fact("asked", f"its DID document: {handle}, {network.identity.pds}")
    if network.status is not None:
        yield Fact("asked", f"its host: {network.status[0]}")
    if network.walked is None:
        return
    yield Fact("asked", f"its repo is at {network.walked.root.rev}")
    if target.rkey:
        cid = network.walked.entries.get((Nsid(target.collection), RecordKey(target.rkey)))
        said = "does not hold the record" if cid is None else f"holds the record as {cid_text(cid)}"
        yield Fact("asked", f"its repo {said}")


def _differences(target: Target, looked: Looked) -> Iterator[Fact]:
    concerned = {target.did, target.uri}
    found = [each for each in looked.differences if not target.rkey or each.subject in concerned]
    for difference in found[:DIFFERENCES_AT_MOST]:
        yield note("differs", difference.sentence)
    left = len(found) - DIFFERENCES_AT_MOST
    if left > 0:
        yield note("differs", f"and {left} more: `plyr-appview audit {target.did}` has them")
    if not found and not looked.failures:
        yield Fact("asked", "the index agrees")


def _say(text: str, facts: Sequence[Fact], *, as_json: bool) -> int:
    reasons = reasons_of(facts)
    if as_json:
        explanation = {
            "target": text,
            "shown": not reasons,
            "reasons": reasons,
            "facts": [
                {"topic": fact.topic, "text": fact.text, "weight": fact.weight} for fact in facts
            ],
        }
        click.echo(orjson.dumps(explanation))
    else:
        click.echo(f"{text}\n{'not shown: ' + reasons[0] if reasons else 'shown'}\n")
        for fact in facts:
            click.echo(f"{MARKS[fact.weight]} {fact.topic:<11} {fact.text}")
    return int(bool(reasons))
