"""The program over real rows, every answer held to its lexicon."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from appview.app import create_app
from appview.context import AppSettings
from lexicons.catalog import Catalog, load_catalog
from migrations.database import Pool
from tests.appview.makers import Rows
from tests.appview.served import asking
from tests.clients.javascript import SOURCES, TheirValidator, their_validator, workshop
from tests.reference.install import Unsupported, install

UNIVERSAL_ERRORS = {"InvalidRequest", "MethodNotImplemented"}


def full_name(method: str) -> str:
    """Ours go by their last two words."""
    return method if method.startswith(("parts.", "com.")) else f"fm.plyr.{method}"


@dataclass(frozen=True, slots=True)
class Client:
    http: httpx.AsyncClient
    catalog: Catalog
    theirs: TheirValidator | None = None

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer, which must be what the lexicon says."""
        response = await self.http.get(f"/xrpc/{full_name(method)}", params=params)
        assert response.status_code == 200, response.text
        self.catalog.methods[full_name(method)].validate_output(response.json())
        answer: dict[str, Any] = response.json()
        if self.theirs is not None:
            assert await self.theirs.tell(method=full_name(method), output=answer) is None
        return answer

    async def refusal(self, method: str, **params: Any) -> str:
        """The name of the error, which must be one that the lexicon lists."""
        response = await self.http.get(f"/xrpc/{full_name(method)}", params=params)
        assert response.status_code == 400, response.text
        name: str = response.json()["error"]
        assert name in {*self.catalog.methods[full_name(method)].errors, *UNIVERSAL_ERRORS}
        return name


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="session")
async def theirs(
    request: pytest.FixtureRequest, catalog: Catalog, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TheirValidator | None]:
    """@atproto/lexicon holds every answer to its schema too, in a run with what npm brings."""
    if not any(item.get_closest_marker("reference") for item in request.session.items):
        yield None
        return
    try:
        installation = install()
    except Unsupported:
        yield None
        return
    shop = workshop(installation, tmp_path_factory.mktemp("theirs"), SOURCES / "lexicons.mjs")
    async with their_validator(shop, catalog.documents.values()) as validator:
        yield validator


@pytest.fixture
def settings(tmp_path: Path) -> AppSettings:
    return AppSettings(
        "https://music.test", "1.2.3", tmp_path / "not-there-yet", remembers_pages=False
    )


@pytest.fixture
def rows(pool: Pool) -> Rows:
    return Rows(pool)


@pytest.fixture
async def client(
    settings: AppSettings, pool: Pool, catalog: Catalog, theirs: TheirValidator | None
) -> AsyncIterator[Client]:
    async with asking(create_app(settings, pool, catalog, None)) as http:
        yield Client(http, catalog, theirs)
