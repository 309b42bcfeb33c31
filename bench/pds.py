"""PDSes on loopback, a process of their own: the read side of com.atproto.sync, from memory.

Started with a folder of CARs, how many hosts to be, and `blocks` or `whole`: whether it serves
getRecord and getBlocks. It prints one line of ports; GET /counts says what was asked of it.
"""

import asyncio
import socket
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from bench.processes import until_we_end
from indexer.repo.car import Car, read_car
from indexer.repo.commit import parse_signed_commit
from indexer.repo.mst import parse_root
from indexer.repo.node import parse_node
from lexicons.cid import cid_text, parse_cid
from tests.network.encoding import Link, car

NOT_SERVED = b'{"error":"MethodNotImplemented","message":"not here"}'


@dataclass(frozen=True, slots=True)
class Pds:
    folder: Path
    serves_blocks: bool
    cars: dict[str, Car] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def load(self) -> None:
        for path in self.folder.glob("*.car"):
            self.cars[f"did:plc:{path.stem}"] = read_car(path.read_bytes(), max_blocks=1 << 30)

    async def answer(self, request: Request) -> Response:
        method = request.path_params["nsid"].rpartition(".")[2]
        self.counts["requests"] += 1
        self.counts[method] += 1
        did = request.query_params["did"]
        if method == "getRepo":
            path = self.folder / f"{did.rpartition(':')[2]}.car"
            self.counts["bytes"] += path.stat().st_size
            return FileResponse(path, media_type="application/vnd.ipld.car")
        car = self.cars[did]
        if method == "getLatestCommit":
            body = self._latest(car)
        elif method == "getRecord" and self.serves_blocks:
            body = _proof(car, "{collection}/{rkey}".format(**request.query_params).encode())
        elif method == "getBlocks" and self.serves_blocks:
            wanted = [parse_cid(text).raw for text in request.query_params.getlist("cids")]
            body = _sections(car, (), wanted)
        else:
            return Response(NOT_SERVED, 501, media_type="application/json")
        self.counts["bytes"] += len(body)
        return Response(body)

    def _latest(self, car: Car) -> bytes:
        root = car.roots[0]
        return orjson.dumps(
            {"cid": cid_text(root), "rev": parse_signed_commit(car.blocks[root]).rev}
        )

    async def say_counts(self, _: Request) -> Response:
        return Response(orjson.dumps(self.counts), media_type="application/json")


def _proof(car: Car, key: bytes) -> bytes:
    """The commit, and the nodes on the way to a record that need not be there."""
    root = parse_signed_commit(car.blocks[car.roots[0]]).data
    tree, way = parse_root(root, car.blocks[root]), [car.roots[0], root]
    node, index = tree, bisect_left(tree.keys, key)
    while not (index < len(node.keys) and node.keys[index] == key):
        link = node.links[index]
        if not isinstance(link, bytes):
            return _sections(car, car.roots, way)
        node = parse_node(car.blocks[link], link, node.height - 1)
        index = bisect_left(node.keys, key)
        way.append(link)
    return _sections(car, car.roots, [*way, node.values[index]])


def _sections(held: Car, roots: Iterable[bytes], cids: Iterable[bytes]) -> bytes:
    return car([Link(root) for root in roots], {Link(cid): held.blocks[cid] for cid in cids})


async def main(folder: Path, hosts: int, serves: str) -> None:
    pds = Pds(folder, serves == "blocks")
    pds.load()
    routes = [Route("/xrpc/{nsid}", pds.answer), Route("/counts", pds.say_counts)]
    config = uvicorn.Config(
        Starlette(routes=routes), lifespan="off", log_config=None, access_log=False
    )
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(hosts)]
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(listeners))
    await until_we_end(*(listener.getsockname()[1] for listener in listeners))
    server.should_exit = True
    await serving


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
