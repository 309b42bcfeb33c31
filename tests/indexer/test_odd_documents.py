"""What strangers put into their DID documents and answers stops nobody."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from indexer.repo_state import State
from indexer.service import build_accounts
from lexicons.syntax import parse_did
from migrations.database import Pool
from tests.indexer.test_watch import Scene, complete, untold


@pytest.fixture
async def scene(pool: Pool, tmp_path: Path) -> AsyncIterator[Scene]:
    async with complete(pool, tmp_path) as scene:
        yield scene


@pytest.mark.parametrize("host", ["a\0b.test", "a\x01b.test", "a b.test", "[::1", "x" * 1000])
async def test_an_odd_pds_in_a_document_is_no_pds(scene: Scene, host: str) -> None:
    bob = await scene.world.person("bob")
    service = {
        "id": "#atproto_pds",
        "type": "AtprotoPersonalDataServer",
        "serviceEndpoint": f"https://{host}",
    }
    bob.account.document = {"service": [service]}
    scene.pipeline.offer((await untold(bob, "From nowhere")).frame(1))
    await scene.pipeline.step()
    accounts = build_accounts(scene.tools, scene.pipeline)
    await accounts.ask_what_is_due()
    await accounts.refresh_identity(parse_did(bob.did))
    await scene.walk_what_is_due()
    assert "From nowhere" in await scene.tracks()


async def test_a_commit_refused_for_want_of_a_key_is_fetched_later(scene: Scene) -> None:
    alice, pipeline = scene.alice, scene.pipeline
    did = parse_did(alice.did)
    alice.account.document = {"verificationMethod": []}
    await scene.tools.resolver.resolve(did, force=True)
    pipeline.offer((await untold(alice, "While there was no key")).frame(1))
    await pipeline.step()
    alice.account.document = {}
    await scene.tools.resolver.resolve(did, force=True)
    await scene.walk_what_is_due()
    assert await scene.tracks() == {"First", "While there was no key"}
    assert pipeline.repos[did].state is State.SYNCHRONIZED
