"""A host of blobs on loopback, a process of its own: the PDS of everybody, and their directory.

Started with a folder of blobs by CID, the milliseconds before its first byte and the MB a second
after it (0: as fast as it goes). `/file/CID` is Starlette's own FileResponse of the same files,
under the same uvicorn settings as ours. It prints its port; `/counts` says what was asked.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from appview.config import from_env
from appview.serving import answer, listening
from bench.processes import until_we_end

CHUNK = 64 << 10


@dataclass(frozen=True, slots=True)
class Host:
    folder: Path
    delay_seconds: float
    bytes_a_second: float
    port: int
    counts: Counter[str] = field(default_factory=Counter)

    async def blob(self, request: Request) -> Response:
        cid = request.query_params["cid"]
        self.counts[cid] += 1
        await asyncio.sleep(self.delay_seconds)
        path = self.folder / cid
        if not self.bytes_a_second:
            return FileResponse(path, media_type="audio/mpeg")
        size = {"content-length": str(path.stat().st_size)}
        return StreamingResponse(self._paced(path), headers=size, media_type="audio/mpeg")

    async def _paced(self, path: Path) -> AsyncIterator[bytes]:
        data = await asyncio.to_thread(path.read_bytes)
        begun = asyncio.get_running_loop().time()
        for at in range(0, len(data), CHUNK):
            yield data[at : at + CHUNK]
            ahead = begun + at / self.bytes_a_second - asyncio.get_running_loop().time()
            await asyncio.sleep(max(ahead, 0))

    async def file(self, request: Request) -> Response:
        return FileResponse(self.folder / request.path_params["cid"], media_type="audio/mpeg")

    async def document(self, request: Request) -> Response:
        service = {
            "id": "#atproto_pds",
            "type": "AtprotoPersonalDataServer",
            "serviceEndpoint": f"http://localhost:{self.port}",
        }
        did = request.path_params["did"]
        return Response(orjson.dumps({"id": did, "service": [service]}))

    async def say_counts(self, _: Request) -> Response:
        return Response(orjson.dumps(self.counts))


async def main(folder: Path, delay_millis: float, megabytes_a_second: float) -> None:
    config = from_env({"PLYR_PORT": "0"})
    listener, stop = listening(config), asyncio.Event()
    port = listener.getsockname()[1]
    host = Host(folder, delay_millis / 1e3, megabytes_a_second * 1e6, port)
    routes = [
        Route("/xrpc/com.atproto.sync.getBlob", host.blob),
        Route("/file/{cid}", host.file),
        Route("/counts", host.say_counts),
        Route("/{did}", host.document),
    ]
    serving = asyncio.create_task(answer(config, Starlette(routes=routes), listener, stop))
    await until_we_end(port)
    stop.set()
    await serving


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
