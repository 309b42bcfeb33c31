"""The Python SDK: a client generated from our documents, and the example."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from lexicons.catalog import load_catalog
from tests.appview.world import ALICE, question
from tests.clients.processes import run
from tests.support import http_client

ROOT = Path(__file__).parents[2]
TYPED_CLIENT = Path(__file__).with_name("typed_client.py")
CATALOG = load_catalog()
NO_BYTES = "com.atproto.label.queryLabels"
"""The SDK reads no bytes in JSON ({"$bytes": …}), here or of the labelers themselves."""
JSON_QUERIES = sorted(
    nsid
    for nsid, made in CATALOG.methods.items()
    if made.kind == "query" and made.output and made.output.encoding == "application/json"
    if nsid != NO_BYTES
)


@pytest.fixture(scope="session")
async def generated(documents: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a package that the SDK has generated, typed by our documents."""
    folder = tmp_path_factory.mktemp("python")
    tools = Path(sys.executable).parent
    code, output = await run(
        *(str(tools / "atproto"), "gen", "--lexicon-dir", str(documents), "custom"),
        *("--output-dir", "plyr_client", "--package", "plyr_client"),
        folder=folder,
        path=tools,
    )
    assert code == 0, output
    return folder


async def test_the_generated_client_understands_every_answer(generated: Path, service: str) -> None:
    asked = {nsid: question(CATALOG, nsid) for nsid in JSON_QUERIES}
    told = json.dumps(asked).encode()
    command = (sys.executable, "-W", "ignore", str(TYPED_CLIENT), service)
    code, output = await run(*command, folder=generated, told=told)
    assert code == 0, output[-3_000:]
    answers: dict[str, Any] = json.loads(output.splitlines()[-1])
    async with http_client(service) as http:
        for nsid, params in asked.items():
            ours = (await http.get(f"/xrpc/{nsid}", params=params)).json()
            assert answers[nsid].keys() == ours.keys(), nsid


async def test_the_example_prints_tracks_and_comments(service: str, tmp_path: Path) -> None:
    example = str(ROOT / "examples" / "client.py")
    code, output = await run(sys.executable, example, service, ALICE, folder=tmp_path)
    assert code == 0, output
    assert "Song maker: 8 tracks" in output
    assert "Song 8 (1 likes) https://" in output
    assert "    0:00 alice.test: song!" in output
    code, output = await run(sys.executable, example, service, "nobody.test", folder=tmp_path)
    assert code == 1
    assert "nobody.test" in output
    code, output = await run(sys.executable, example, folder=tmp_path)
    assert code != 0
    assert "python examples/client.py http://" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("name", ["client.py", "client.mts"])
def test_an_example_is_short(name: str) -> None:
    lines = (ROOT / "examples" / name).read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 45
