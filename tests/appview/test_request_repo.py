"""fm.plyr.sync.requestRepo: what is asked for stands in the table, and not too often."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from appview.app import create_app
from appview.context import REPO_REQUESTS_BURST, AppSettings
from appview.queries.request_repo import MOST_OPEN
from lexicons.catalog import Catalog
from migrations.database import Pool
from tests.appview.makers import Rows

METHOD = "/xrpc/fm.plyr.sync.requestRepo"
ALICE = "did:plc:alice"


class Callers:
    """One service, called from any address."""

    def __init__(self, folder: Path, pool: Pool, catalog: Catalog) -> None:
        settings = AppSettings("https://music.test", "1.2.3", folder)
        self._app = create_app(settings, pool, catalog, None)
        self._output = catalog.methods["fm.plyr.sync.requestRepo"]

    async def ask(self, did: object, address: str = "192.0.2.1") -> httpx.Response:
        transport = httpx.ASGITransport(self._app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="https://music.test") as http:
            response = await http.post(METHOD, json={"did": did})
        if response.status_code == 200:
            self._output.validate_output(response.json())
        return response


@pytest.fixture
def callers(tmp_path: Path, pool: Pool, catalog: Catalog) -> Callers:
    return Callers(tmp_path, pool, catalog)


async def age(pool: Pool, seconds: int) -> None:
    earlier = datetime.now(UTC) - timedelta(seconds=seconds)
    await pool.execute("update repo_request set requested_at = $1", earlier)


async def test_a_known_repo_is_asked_for_and_its_state_said(
    callers: Callers, pool: Pool, rows: Rows
) -> None:
    await rows.insert("repo", did=ALICE, state="synchronized", rev="3kaaaaaaaaa22")
    response = await callers.ask(ALICE)
    assert response.json() == {"state": "synchronized", "rev": "3kaaaaaaaaa22"}
    request = await pool.fetchrow("select * from repo_request")
    assert request is not None
    assert (request["did"], request["in_full"], request["taken_at"]) == (ALICE, False, None)


async def test_an_unknown_repo_may_be_asked_for(callers: Callers, pool: Pool) -> None:
    assert (await callers.ask(ALICE)).json() == {"state": "not-indexed"}
    assert await pool.fetchval("select count(*) from repo_request") == 1
    assert await pool.fetchval("select count(*) from account") == 0


async def test_a_repo_is_asked_for_once_a_minute_whoever_asks(callers: Callers, pool: Pool) -> None:
    await callers.ask(ALICE)
    await age(pool, 50)
    refused = await callers.ask(ALICE, "192.0.2.2")
    assert (refused.status_code, refused.json()["error"]) == (429, "RateLimitExceeded")
    assert 9 <= int(refused.headers["retry-after"]) <= 10
    await pool.execute("update repo_request set taken_at = now(), outcome = 'walked'")
    await age(pool, 61)
    assert (await callers.ask(ALICE, "192.0.2.2")).status_code == 200
    request = await pool.fetchrow("select taken_at, outcome from repo_request")
    assert request is not None
    assert tuple(request) == (None, None)


@pytest.mark.parametrize(
    ("outcome", "stays"), [(None, True), ("walk", True), ("walked", False), ("DidNotFound", False)]
)
async def test_what_an_operator_asked_for_in_full_stays_so_until_it_is_done(
    callers: Callers, pool: Pool, outcome: str | None, stays: bool
) -> None:
    await pool.execute(
        "insert into repo_request (did, in_full, outcome) values ($1, true, $2)", ALICE, outcome
    )
    await age(pool, 61)
    assert (await callers.ask(ALICE)).status_code == 200
    assert await pool.fetchval("select in_full from repo_request") is stays


async def test_a_caller_who_asks_for_many_is_told_to_wait(callers: Callers) -> None:
    for number in range(REPO_REQUESTS_BURST):
        assert (await callers.ask(f"did:plc:{number}")).status_code == 200
    refused = await callers.ask("did:plc:one-more")
    assert (refused.status_code, refused.json()["error"]) == (429, "RateLimitExceeded")
    assert 1 <= int(refused.headers["retry-after"]) <= 6
    assert (await callers.ask("did:plc:one-more", "192.0.2.2")).status_code == 200


async def test_what_waits_is_bounded(callers: Callers, pool: Pool) -> None:
    await pool.execute(
        """
        insert into repo_request (did, in_full)
        select 'did:plc:' || number, false from generate_series(1, $1) as number
        """,
        MOST_OPEN,
    )
    refused = await callers.ask(ALICE)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert await pool.fetchval("select count(*) from repo_request") == MOST_OPEN
    await pool.execute("update repo_request set taken_at = now() where did = 'did:plc:1'")
    assert (await callers.ask(ALICE)).status_code == 200


async def test_an_operators_thousands_leave_room_for_others(callers: Callers, pool: Pool) -> None:
    await pool.execute(
        """
        insert into repo_request (did, in_full)
        select 'did:plc:' || number, true from generate_series(1, $1) as number
        """,
        2 * MOST_OPEN,
    )
    assert (await callers.ask(ALICE)).status_code == 200


@pytest.mark.parametrize("did", ["alice.test", "", "did:", 7, None])
async def test_only_a_did_can_be_asked_for(callers: Callers, pool: Pool, did: object) -> None:
    refused = await callers.ask(did)
    assert (refused.status_code, refused.json()["error"]) == (400, "InvalidRequest")
    assert await pool.fetchval("select count(*) from repo_request") == 0
