"""check: is everything there that this service needs, and what to do where it is not."""

import asyncio
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import orjson
from websockets.exceptions import WebSocketException

from appview.checks.clock import ahead_of_us, check_clock
from appview.checks.finding import Finding, Level, fail, ok, warn
from appview.checks.machine import check_disk, check_listening, check_metrics, check_names
from appview.checks.web import (
    check_directory,
    check_discovery,
    check_handle_resolver,
    check_public,
)
from appview.composition import app_settings, open_client
from appview.config import Config
from indexer.events import Rejected
from indexer.frames import Kind, peek
from indexer.labels.subscription import UNHEARD, labels_url
from indexer.leadership import is_led
from indexer.subscribing import open_firehose, open_subscription
from lexicons.syntax import Did, InvalidSyntax, parse_datetime
from migrations.database import open_database
from migrations.errors import CannotOpen
from xrpc.client import GuardedClient, Unreachable
from xrpc.directory import Directory
from xrpc.names import Dns, Names

FIRST_FRAME_SECONDS = 30.0
LONG_BEHIND = timedelta(minutes=10)


async def check(config: Config, *, as_json: bool) -> int:
    """Say what was found; the exit status is 1 if anything failed."""
    async with open_client(config) as client:
        findings = await look_around(config, client, Dns())
    for finding in findings:
        click.echo(_as_json(finding) if as_json else _as_text(finding))
    return int(any(finding.level is Level.FAIL for finding in findings))


async def look_around(config: Config, client: GuardedClient, names: Names) -> list[Finding]:
    operators = client.trusting(*config.operator_origins)
    relays = [config.firehose_origin]
    if config.second_firehose_origin is not None:
        relays.append(config.second_firehose_origin)
    looks: list[Coroutine[Any, Any, Finding]] = [
        check_database(config),
        check_names(names),
        *(check_relay(origin, operators) for origin in relays),
        *(check_labeler(labeler, config, client) for labeler in config.labelers),
        check_discovery(config, operators, _now),
        check_directory(config, operators, _now),
        check_handle_resolver(config, operators),
        check_public(config, app_settings(config), client),
        check_listening(config, client),
        check_metrics(config, client),
    ]
    findings = await asyncio.gather(*looks)
    return [check_disk(config), check_clock(findings), *findings]


async def check_database(config: Config) -> Finding:
    try:
        async with open_database(config.database_url, config.data_dir) as database:
            server = await database.pool.fetchval("select current_setting('server_version')")
            version = await database.pool.fetchval("select version_num from alembic_version")
            led = "an indexer is at work" if await is_led(database.pool) else "no indexer at work"
    except CannotOpen as error:
        return fail("database", str(error), "do as it says, or see PLYR_DATABASE_URL")
    return ok("database", f"version {version} on Postgres {server}, {led}")


async def check_relay(origin: str, client: GuardedClient) -> Finding:
    topic, remedy = "relay", "see PLYR_RELAY_URL"
    try:
        async with await open_firehose(client, origin, None) as socket:
            headers = socket.response.headers if socket.response is not None else {}
            ahead = ahead_of_us({name.lower(): headers[name] for name in headers}, _now())
            try:
                async with asyncio.timeout(FIRST_FRAME_SECONDS):
                    frame = await socket.recv(decode=False)
            except TimeoutError:
                text = f"{origin}: no event within {FIRST_FRAME_SECONDS:.0f} s"
                return fail(topic, text, "ask another relay: PLYR_RELAY_URL", ahead)
        return _of_frame(origin, frame, ahead)
    except (OSError, WebSocketException, Unreachable, Rejected) as error:
        return fail(topic, f"{origin}: {type(error).__name__}: {error}", remedy)


def _of_frame(origin: str, frame: bytes, ahead: timedelta | None) -> Finding:
    seen = peek(frame, frozenset())
    if seen.kind is Kind.ERROR or seen.seq is None:
        return fail("relay", f"{origin}: an {seen.kind} frame", "ask another relay", ahead)
    text = f"{origin}: an {seen.kind} event, seq {seen.seq}"
    try:
        behind = _now() - parse_datetime(seen.time or "")
    except InvalidSyntax:
        return ok("relay", text, ahead)
    if behind > LONG_BEHIND:
        return warn("relay", f"{text}, {behind} old", "the relay is behind: ask another", ahead)
    return ok("relay", text, ahead)


async def check_labeler(labeler: Did, config: Config, client: GuardedClient) -> Finding:
    topic = "labeler"
    try:
        directory = Directory(client, config.plc_url, seconds=time.monotonic)
        url = labels_url(await directory.fetch(labeler))
        async with await open_subscription(client, url, None):
            return ok(topic, f"{labeler}: connected to {url}")
    except UNHEARD as error:
        text = f"{labeler}: {type(error).__name__}: {error}"
        return warn(topic, text, "see PLYR_LABELERS; what it said before goes on to hold")


def _now() -> datetime:
    return datetime.now(UTC)


def _as_text(finding: Finding) -> str:
    line = f"{finding.level:<5} {finding.topic:<10} {finding.text}"
    return line if finding.remedy is None else f"{line}\n{'':17}{finding.remedy}"


def _as_json(finding: Finding) -> bytes:
    said = {"topic": finding.topic, "level": finding.level, "text": finding.text}
    return orjson.dumps(said if finding.remedy is None else {**said, "remedy": finding.remedy})
