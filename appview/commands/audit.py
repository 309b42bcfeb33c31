"""audit: hold the index against the PDSes, and print every difference."""

from collections.abc import Sequence

import click
import orjson
from tqdm import tqdm

from appview.commands.actors import find_dids
from appview.composition import indexer_settings, open_reading_tools
from appview.config import Config
from indexer.audit import GRACE_SECONDS, Audit
from indexer.differences import Difference
from indexer.records.registry import record_types
from indexer.service import Tools, build_spool

SAME = 0
DIFFERS = 1
UNCERTAIN = 2


def build_audit(config: Config, tools: Tools, grace_seconds: float = GRACE_SECONDS) -> Audit:
    return Audit(
        pool=tools.pool,
        resolver=tools.resolver,
        remote=tools.remote,
        spool=build_spool(tools, indexer_settings(config)),
        record_types=record_types(config.namespace),
        catalog=tools.catalog,
        now=tools.now,
        grace_seconds=grace_seconds,
    )


async def audit(
    config: Config, actors: Sequence[str], *, grace_seconds: float, as_json: bool
) -> int:
    """Give the exit status."""
    async with open_reading_tools(config) as tools:
        auditor = build_audit(config, tools, grace_seconds)
        named = await find_dids(tools, actors) if actors else None
        dids = await auditor.known_dids() if named is None else named
        differences, failures = 0, 0
        with tqdm(total=len(dids), unit="account", desc="comparing", disable=None) as bar:
            async for looked in auditor.looks(dids):
                bar.update()
                differences += len(looked.differences)
                failures += bool(looked.failures)
                for difference in looked.differences:
                    _say(_of_difference(difference), difference.sentence, as_json=as_json)
                for failure in looked.failures:
                    said = {"did": looked.did, "error": failure}
                    _say(said, f"{looked.did}: not compared: {failure}", as_json=as_json)
        for difference in await auditor.counts(named):
            differences += 1
            _say(_of_difference(difference), difference.sentence, as_json=as_json)
    click.echo(
        f"{len(dids)} accounts compared: {differences} differences, "
        f"{failures} could not be compared in full",
        err=True,
    )
    return DIFFERS if differences else UNCERTAIN if failures else SAME


def _of_difference(difference: Difference) -> dict[str, str]:
    return {
        "did": difference.did,
        "kind": difference.kind,
        "subject": difference.subject,
        "index": difference.held,
        "right": difference.right,
    }


def _say(fields: dict[str, str], sentence: str, *, as_json: bool) -> None:
    tqdm.write(orjson.dumps(fields).decode() if as_json else sentence)
