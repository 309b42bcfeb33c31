"""The TypeScript tools: our documents parsed, clients generated and compiled, the example run."""

from pathlib import Path

import orjson
import pytest

from lexicons.catalog import load_catalog
from tests.appview.world import ALICE, question
from tests.clients.javascript import SOURCES, Workshop, their_validator, workshop
from tests.clients.test_python import JSON_QUERIES
from tests.reference.conftest import installation
from tests.reference.install import Installation
from tests.support import http_client

pytestmark = pytest.mark.reference

__all__ = ["installation"]

EXAMPLE = Path(__file__).parents[2] / "examples" / "client.mts"
CATALOG = load_catalog()
TSCONFIG = """{
  "compilerOptions": {
    "strict": true, "noEmit": true, "skipLibCheck": true, "types": ["node"],
    "target": "es2022", "module": "nodenext", "allowImportingTsExtensions": true
  }
}"""


@pytest.fixture
def shop(installation: Installation, tmp_path: Path) -> Workshop:
    files = (SOURCES / "lexicons.mjs", SOURCES / "published.mjs")
    return workshop(installation, tmp_path / "shop", *files)


def files_of(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def compiled(shop: Workshop) -> None:
    (shop.folder / "tsconfig.json").write_text(TSCONFIG)
    code, output = await shop.run(shop.package("typescript/bin/tsc"), "-p", ".")
    assert code == 0, output[-3_000:]


async def test_their_validator_takes_our_documents_and_every_answer(
    shop: Workshop, documents: Path, service: str
) -> None:
    parsed = [orjson.loads(path.read_bytes()) for path in files_of(documents)]
    async with (
        their_validator(shop, parsed) as validator,
        http_client(service) as http,
    ):
        for nsid in JSON_QUERIES:
            params = question(CATALOG, nsid)
            output = (await http.get(f"/xrpc/{nsid}", params=params)).json()
            assert await validator.tell(method=nsid, output=output) is None, nsid
        refused = await validator.tell(method="fm.plyr.feed.getLatest", output={"feed": [{}]})
        assert refused is not None
        assert "track" in refused


def call(nsid: str) -> str:
    params = orjson.dumps(question(CATALOG, nsid)).decode()
    return f"const {nsid.replace('.', '_')} = (await client.{nsid}({params})).data"


async def test_lex_cli_generates_a_client_that_compiles(shop: Workshop, documents: Path) -> None:
    published = shop.folder / "published"
    published.mkdir()
    code, output = await shop.run("published.mjs", "published")
    assert code == 0, output
    both = {path.name: str(path) for path in (*files_of(documents), *files_of(published))}
    generator = shop.package("@atproto/lex-cli/bin.js")
    code, output = await shop.run(generator, "gen-api", "--yes", "client", *both.values())
    assert code == 0, output
    calls = [call(nsid) for nsid in JSON_QUERIES]
    typed = "const title: string = fm_plyr_feed_getLatest.feed[0].track.title"
    lines = ["import { AtpBaseClient } from './client/index.js'"]
    lines += ["const client = new AtpBaseClient('http://127.0.0.1')", *calls, typed]
    (shop.folder / "calls.ts").write_text("\n".join(lines))
    await compiled(shop)


async def test_ts_lex_generates_schemas_that_compile(shop: Workshop, documents: Path) -> None:
    generator = shop.package("@atproto/lex/bin/lex")
    arguments = ("build", "--lexicons", str(documents), "--out", "schemas")
    code, output = await shop.run(generator, *arguments)
    assert code == 0, output
    await compiled(shop)


async def test_the_example_compiles_and_prints_tracks_and_comments(
    shop: Workshop, service: str
) -> None:
    # As npm makes it, whose packages are no modules unless they say so.
    (shop.folder / "package.json").write_text('{"type": "commonjs"}')
    (shop.folder / EXAMPLE.name).symlink_to(EXAMPLE)
    await compiled(shop)
    code, output = await shop.run(EXAMPLE.name, service, ALICE)
    assert code == 0, output
    assert "Song maker: 8 tracks" in output
    assert "Song 8 (1 likes) https://" in output
    assert "    0:00 alice.test: song!" in output
    code, output = await shop.run(EXAMPLE.name, service, "nobody.test")
    assert code == 1
    assert "nobody.test" in output
    code, output = await shop.run(EXAMPLE.name)
    assert code != 0
    assert output.startswith("node examples/client.mts http://")
