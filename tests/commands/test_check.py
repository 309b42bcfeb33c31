"""check: a line for everything that a service needs, and what to do where it is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from starlette.responses import Response

from appview.checks.clock import MOST_SKEW, ahead_of_us, check_clock
from appview.checks.finding import Finding, Level, ok
from appview.checks.machine import check_disk, check_listening, check_metrics, check_names
from appview.checks.web import check_public
from appview.commands.check import check_database, check_relay, look_around
from appview.composition import app_settings
from appview.config import Config, from_env, local_url, url_of
from tests.commands.terminal import Json, command
from tests.network.http import NOWHERE, Answer, Fault, HttpServer, body, free_port, status
from tests.network.story import Story
from tests.support import wait_until
from xrpc.client import GuardedClient
from xrpc.names import NameNotFound, NameTrouble


class Names:
    """Name servers that answer what they are told to."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.trouble = trouble

    async def addresses(self, host: str) -> list[str]:
        raise NotImplementedError

    async def texts(self, name: str) -> list[str]:
        if self.trouble is not None:
            raise self.trouble
        return [f"did=did:plc:{name}"]


def client() -> GuardedClient:
    return GuardedClient(allow_private_addresses=True, user_agent="test")


def settings(story: Story, **others: str) -> Config:
    return from_env({**story.program.environment(), **others})


async def found(story: Story, **others: str) -> dict[str, Finding]:
    async with client() as asking:
        findings = await look_around(settings(story, **others), asking, Names())
    return {finding.topic: finding for finding in findings}


def levels(findings: dict[str, Finding]) -> dict[str, str]:
    return {topic: str(finding.level) for topic, finding in findings.items()}


@contextmanager
def told_again(story: Story) -> Iterator[None]:
    """Something happens as soon as another one listens to the relay."""
    relay = story.world.relay
    before = len(relay.cursors_asked)

    async def speak() -> None:
        await wait_until(
            lambda: len(relay.cursors_asked) > before and len(relay.subscribers) > 1, 30
        )
        story.stage.witness.say_identity()

    speaking = asyncio.create_task(speak())
    try:
        yield
    finally:
        speaking.cancel()


async def test_everything_a_running_service_needs_is_there(story: Story) -> None:
    with told_again(story):
        findings = await found(story)
    others = dict.fromkeys(
        ("disk", "clock", "database", "dns", "relay", "discovery", "plc", "handles", "xrpc",
         "metrics"),
        "ok",
    )  # fmt: skip
    assert levels(findings) == {**others, "public": "warn"}
    assert "an indexer is at work" in findings["database"].text
    assert "for this machine alone" in findings["public"].text
    assert "running plyr-appview" in findings["metrics"].text
    assert "seq" in findings["relay"].text


async def test_the_command_says_it_line_by_line(story: Story) -> None:
    with told_again(story):
        ended = await command(story.program, "check", "--json")
    said: dict[str, Json] = {line["topic"]: line for line in ended.lines}
    assert said["relay"]["level"] == "ok"
    assert said["public"]["remedy"].startswith("set PLYR_PUBLIC_URL")
    failed = any(line["level"] == "fail" for line in ended.lines)
    assert ended.status == int(failed)
    nowhere = {"PLYR_RELAY_URL": "ws://127.0.0.1:9", "PLYR_DATABASE_URL": "postgresql://[::1]:9/x"}
    ended = await command(story.program, "check", settings=nowhere)
    assert ended.status == 1
    assert "\nfail  relay      ws://127.0.0.1:9" in ended.out
    assert "\nfail  database   no connection to the database at ::1/x" in ended.out
    assert "\n                 see PLYR_RELAY_URL\n" in ended.out


async def test_a_database_of_another_version_names_the_command(
    story: Story, empty_database_url: str
) -> None:
    finding = await check_database(settings(story, PLYR_DATABASE_URL=empty_database_url))
    assert finding.level is Level.FAIL
    assert "plyr-appview migrate" in finding.text


async def test_a_relay_that_refuses_or_says_an_error_fails(story: Story) -> None:
    relay = story.world.relay
    async with client() as asking:
        relay.fails_with["com.atproto.sync.subscribeRepos"] = 503
        try:
            finding = await check_relay(relay.url, asking)
        finally:
            del relay.fails_with["com.atproto.sync.subscribeRepos"]
        assert (finding.level, "HTTP 503" in finding.text) == (Level.FAIL, True)
        relay.closes_at_once = True
        try:
            finding = await check_relay(relay.url, asking)
        finally:
            relay.closes_at_once = False
    assert (finding.level, "ConnectionClosed" in finding.text) == (Level.FAIL, True)


async def test_a_discovery_host_without_the_method_is_a_warning(story: Story) -> None:
    [pds] = story.world.pdses[:1]
    with told_again(story):
        findings = await found(story, PLYR_DISCOVERY_URL=pds.url)
    assert findings["discovery"].level is Level.WARN
    assert "10,000" in (findings["discovery"].remedy or "")
    with told_again(story):
        findings = await found(story, PLYR_DISCOVERY_URL=NOWHERE, PLYR_PLC_URL=NOWHERE)
    assert findings["discovery"].level is Level.FAIL
    assert findings["plc"].level is Level.FAIL


async def test_a_directory_that_is_none_fails(story: Story) -> None:
    story.world.directory.faults.on("*", body(b"<html>welcome</html>", "text/html"))
    with told_again(story):
        findings = await found(story)
    assert findings["plc"].level is Level.FAIL
    assert findings["handles"].level is Level.WARN


def dated(ahead: timedelta) -> Fault:
    async def answered(answer: Answer) -> Response:
        response = await answer()
        response.headers["date"] = format_datetime(datetime.now(UTC) + ahead, usegmt=True)
        return response

    return answered


async def test_one_wrong_clock_among_others_is_theirs(story: Story) -> None:
    story.world.directory.faults.on("*", dated(timedelta(hours=1)))
    with told_again(story):
        findings = await found(story)
    assert findings["clock"].level is Level.WARN
    assert "plc" in findings["clock"].text


@pytest.mark.parametrize("minutes", [-90, 2])
def test_our_clock_is_wrong_when_nobody_is_near_it(minutes: int) -> None:
    others = [ok("relay", "", timedelta(minutes=minutes)), ok("plc", "", timedelta(hours=9))]
    finding = check_clock(others)
    assert finding.level is Level.FAIL
    assert f"{abs(minutes * 60)} s {'ahead of' if minutes < 0 else 'behind'} that of relay" in (
        finding.text
    )


def test_a_clock_a_moment_apart_is_right_and_no_answer_is_no_proof() -> None:
    assert check_clock([ok("relay", "", MOST_SKEW)]).level is Level.OK
    assert check_clock([ok("relay", "")]).level is Level.WARN


@pytest.mark.parametrize("text", ["", "yesterday", "Thu, 99 Nov 2026 10:00:00 GMT"])
def test_a_date_that_is_none_says_nothing(text: str) -> None:
    assert ahead_of_us({"date": text}, datetime.now(UTC)) is None
    assert ahead_of_us({}, datetime.now(UTC)) is None


def test_a_date_says_how_far_ahead_it_is() -> None:
    now = datetime(2026, 11, 22, 10, 0, 0, 500_000, UTC)
    headers = {"date": "Sun, 22 Nov 2026 10:01:30 GMT"}
    assert ahead_of_us(headers, now) == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("least", "level"), [("0", Level.OK), ("1", Level.OK), (str(10**15), Level.FAIL)]
)
def test_the_disk_needs_room(story: Story, least: str, level: Level) -> None:
    assert check_disk(settings(story, PLYR_MIN_FREE_BYTES=least)).level is level


@pytest.mark.parametrize(
    ("trouble", "level"),
    [(None, Level.OK), (NameNotFound("x"), Level.WARN), (NameTrouble("x"), Level.FAIL)],
)
async def test_name_servers_have_to_answer(trouble: Exception | None, level: Level) -> None:
    assert (await check_names(Names(trouble))).level is level


@pytest.mark.parametrize(
    ("host", "shown", "reached"),
    [
        ("localhost", "http://localhost:80", "http://localhost:80"),
        ("0.0.0.0", "http://0.0.0.0:80", "http://127.0.0.1:80"),
        ("::", "http://[::]:80", "http://[::1]:80"),
    ],
)
def test_an_address_makes_a_url(host: str, shown: str, reached: str) -> None:
    assert (url_of(host, 80), local_url(host, 80)) == (shown, reached)


async def test_an_address_is_free_ours_or_somebody_elses(story: Story) -> None:
    port = free_port()
    free = settings(story, PLYR_METRICS_LISTEN=f"127.0.0.1:{port}", PLYR_PORT=str(port))
    async with client() as asking:
        assert (await check_metrics(free, asking)).text.endswith("is free")
        assert (await check_listening(free, asking)).text.endswith("is free")
        assert (await check_listening(settings(story), asking)).level is Level.OK
        off = settings(story, PLYR_METRICS_LISTEN="off")
        assert (await check_metrics(off, asking)).text == "off"
        stranger = Stranger()
        stranger.port = port
        await stranger.open()
        try:
            finding = await check_metrics(free, asking)
        finally:
            await stranger.close()
    assert finding.level is Level.FAIL
    assert "PLYR_METRICS_LISTEN" in (finding.remedy or "")


class Stranger(HttpServer):
    """Another program; or one of ours under another name."""

    document: bytes = b"{}"

    async def answer(self, _: object, name: str) -> Response:
        return Response(self.document if name == "did.json" else b"hello")


SERVICE = '"service": [{"id": "#plyr_appview", "type": "%s", "serviceEndpoint": "%s"}]'


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("{}", "not the document of did:web:127.0.0.1%3A{port}"),
        ("not JSON", "not the document of"),
        ('{"id": "did:web:127.0.0.1%3A{port}"}', "names no service #plyr_appview"),
        (
            '{"id": "did:web:127.0.0.1%3A{port}", ' + SERVICE % ("Other", "x") + "}",
            "its service #plyr_appview is a Other at x",
        ),
    ],
)
async def test_a_public_document_that_is_not_ours_fails(
    story: Story, document: str, why: str
) -> None:
    server = Stranger()
    await server.open()
    port = str(server.port)
    server.document = document.replace("{port}", port).encode()
    config = settings(story, PLYR_PUBLIC_URL=server.url)
    try:
        async with client() as asking:
            finding = await check_public(config, app_settings(config), asking)
            server.faults.on("did.json", status(502))
            unserved = await check_public(config, app_settings(config), asking)
    finally:
        await server.close()
    assert finding.level is Level.FAIL
    assert why.replace("{port}", port) in finding.text
    assert (unserved.level, "HTTP 502" in unserved.text) == (Level.FAIL, True)


async def test_a_public_address_that_leads_nowhere_fails_unless_it_is_local(
    story: Story, tmp_path: Path
) -> None:
    async with client() as asking:
        for url, level in (
            (f"http://127.0.0.1:{free_port()}", Level.WARN),
            ("https://nowhere-at-all.invalid", Level.FAIL),
        ):
            config = settings(story, PLYR_PUBLIC_URL=url, PLYR_DATA_DIR=str(tmp_path))
            assert (await check_public(config, app_settings(config), asking)).level is level
