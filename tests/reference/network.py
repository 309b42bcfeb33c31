"""The reference network and the people on it, as the tests see them."""

import asyncio
import base64
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.reference.install import Installation

START_SECONDS = 180
CALL_SECONDS = 180
LINE_BYTES = 64 * 1024 * 1024


class Refused(Exception):
    """An XRPC error as @atproto/api reports it."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(f"{status} {name}: {message}")
        self.status = status
        self.name = name
        self.message = message


@dataclass(frozen=True, slots=True)
class Answer:
    value: Any
    headers: Mapping[str, str]


class Driver:
    """people.mjs: calls go out side by side, each answer finds its caller."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._last_id = 0
        self._reader = asyncio.create_task(self._read())

    async def do(self, verb: str, **arguments: Any) -> Answer:
        self._last_id += 1
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[self._last_id] = future
        given = {name: value for name, value in arguments.items() if value is not None}
        self._stdin.write(json.dumps({"id": self._last_id, "do": verb} | given).encode() + b"\n")
        await self._stdin.drain()
        async with asyncio.timeout(CALL_SECONDS):
            return await future

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def _read(self) -> None:
        while line := await self._stdout.readline():
            answer = json.loads(line)
            future = self._waiting.pop(answer["id"])
            if future.cancelled():
                continue
            if error := answer.get("error"):
                future.set_exception(Refused(error["status"], error["name"], error["message"]))
            else:
                future.set_result(Answer(answer["value"], answer["headers"]))


@dataclass(frozen=True, slots=True)
class Network:
    """`invalid` holds, by URI, what is wrong with a record that breaks its lexicon."""

    plc: str
    pds: str
    pds_port: int
    mail: Path
    driver: Driver
    invalid: dict[str, str] = field(default_factory=dict)

    async def query(self, method: str, **params: Any) -> Any:
        """Ask the PDS, signed in as nobody."""
        return (await self.driver.do("call", method=method, params=params)).value

    async def administer(self, method: str, data: Mapping[str, Any]) -> None:
        await self.driver.do("call", method=method, data=data, admin=True)

    async def take_down(self, did: str, *, applied: bool) -> None:
        subject = {"$type": "com.atproto.admin.defs#repoRef", "did": did}
        data = {"subject": subject, "takedown": {"applied": applied}}
        await self.administer("com.atproto.admin.updateSubjectStatus", data)

    async def join(self, name: str) -> "Person":
        """Create an account; its handle is `name`.test."""
        account = (await self.driver.do("join", handle=f"{name}.test")).value
        return Person(account["did"], account["email"], account["password"], self)


@dataclass(frozen=True, slots=True)
class Written:
    uri: str
    cid: str | None
    rev: str

    @property
    def rkey(self) -> str:
        return self.uri.rpartition("/")[2]

    @property
    def ref(self) -> dict[str, str]:
        """The strongRef that another record points here with."""
        assert self.cid is not None
        return {"uri": self.uri, "cid": self.cid}


@dataclass(frozen=True, slots=True)
class Person:
    did: str
    email: str
    password: str
    network: Network

    async def call(
        self,
        method: str,
        data: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        *,
        proxy: str | None = None,
    ) -> Answer:
        arguments = {"method": method, "data": data, "params": params or {}, "proxy": proxy}
        return await self.network.driver.do("call", **{"as": self.did}, **arguments)

    async def create(
        self, collection: str, record: Mapping[str, Any], rkey: str | None = None
    ) -> Written:
        return await self._write("createRecord", collection, rkey, record)

    async def create_invalid(
        self, collection: str, record: Mapping[str, Any], why: str, rkey: str | None = None
    ) -> Written:
        """Something that the PDS takes, since it knows nothing of our lexicons, and we must not."""
        written = await self.create(collection, record, rkey)
        self.network.invalid[written.uri] = why
        return written

    async def put(self, collection: str, rkey: str, record: Mapping[str, Any]) -> Written:
        return await self._write("putRecord", collection, rkey, record)

    async def delete(self, record: Written) -> Written:
        collection = record.uri.split("/")[3]
        return await self._write("deleteRecord", collection, record.rkey, None)

    async def apply(self, *writes: Mapping[str, Any]) -> list[Written]:
        """Several writes in one commit; each needs its $type, collection, rkey and value."""
        data = {"repo": self.did, "writes": list(writes)}
        answer = await self.call("com.atproto.repo.applyWrites", data)
        return [
            Written(
                f"at://{self.did}/{write['collection']}/{write['rkey']}",
                result.get("cid"),
                answer.value["commit"]["rev"],
            )
            for write, result in zip(writes, answer.value["results"], strict=True)
        ]

    async def upload(self, data: bytes, mime: str) -> dict[str, Any]:
        """Store a blob and return what a record refers to it with."""
        encoded = base64.b64encode(data).decode()
        answer = await self.network.driver.do(
            "upload", **{"as": self.did}, base64=encoded, type=mime
        )
        blob: dict[str, Any] = answer.value["blob"]
        return blob

    async def rename(self, name: str) -> None:
        await self.call("com.atproto.identity.updateHandle", {"handle": f"{name}.test"})

    async def deactivate(self) -> None:
        await self.call("com.atproto.server.deactivateAccount", {})

    async def activate(self) -> None:
        await self.call("com.atproto.server.activateAccount")

    async def leave(self) -> None:
        """Delete the account for good, with the token that comes by mail."""
        await self.call("com.atproto.server.requestAccountDelete")
        lines = self.network.mail.read_text().splitlines()
        mails = [json.loads(line) for line in lines]
        token = [mail["token"] for mail in mails if mail["to"] == self.email][-1]
        data = {"did": self.did, "password": self.password, "token": token}
        await self.call("com.atproto.server.deleteAccount", data)

    async def _write(
        self, verb: str, collection: str, rkey: str | None, record: Mapping[str, Any] | None
    ) -> Written:
        data: dict[str, Any] = {"repo": self.did, "collection": collection}
        if rkey is not None:
            data["rkey"] = rkey
        if record is not None:
            data["record"] = {"$type": collection} | dict(record)
        value = (await self.call(f"com.atproto.repo.{verb}", data)).value
        uri = value.get("uri") or f"at://{self.did}/{collection}/{rkey}"
        commit = value.get("commit") or {}
        return Written(uri, value.get("cid"), commit.get("rev", ""))


class Child:
    """A process of ours that ends when its standard input closes, and is made to at the latest."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, command: list[str], log: Path) -> Self:
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=LINE_BYTES,
                env={"PATH": os.defpath, "TZ": "UTC"},
            )
        return cls(process)

    async def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            async with asyncio.timeout(15):
                await self.process.wait()
        except TimeoutError:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()


@asynccontextmanager
async def reference_network(
    installation: Installation, folder: Path, lexicons: Path
) -> AsyncIterator[Network]:
    servers = await Child.start(
        installation.command("network.mjs", str(folder)), folder / "network.log"
    )
    try:
        assert servers.process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            line = await servers.process.stdout.readline()
        assert line, (folder / "network.log").read_text()
        ready = json.loads(line)
        command = installation.command("people.mjs", ready["pds"], ready["admin"], str(lexicons))
        people = await Child.start(command, folder / "people.log")
        driver = Driver(people.process)
        try:
            yield Network(ready["plc"], ready["pds"], ready["pdsPort"], Path(ready["mail"]), driver)
        finally:
            await driver.close()
            await people.close()
    finally:
        await servers.close()
