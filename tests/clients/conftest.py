"""A service on a socket, over the small world, for clients that are not ours."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appview.app import create_app
from appview.context import AppSettings
from lexicons.catalog import load_catalog
from migrations.database import create_pool
from tests.appview import world
from tests.appview.served import served
from tests.databases import new_database
from tests.support import http_client


@pytest.fixture(scope="session")
async def service(
    postgres_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    """Its URL."""
    settings = AppSettings("https://music.test", "1.2.3", tmp_path_factory.mktemp("data"))
    async with new_database(postgres_url, template) as url, create_pool(url) as pool:
        await world.fill(pool)
        async with served(create_app(settings, pool, load_catalog(), None)) as running:
            yield running


@pytest.fixture(scope="session")
async def documents(service: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the lexicons as the service gives them to anybody."""
    folder = tmp_path_factory.mktemp("lexicons")
    async with http_client(service) as http:
        for nsid in (await http.get("/lexicons/")).json()["lexicons"]:
            answer = await http.get(f"/lexicons/{nsid}.json")
            (folder / f"{nsid}.json").write_bytes(answer.content)
    return folder
