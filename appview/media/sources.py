"""Who is asked for a blob: the PDS of its account, and once more where that has moved meanwhile."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from appview.media.filling import Broken, Fetch, Incoming
from lexicons.syntax import Did
from xrpc.client import GuardedClient
from xrpc.identity import IdentityResolver
from xrpc.remote import Remote, RemoteError

FETCH_SECONDS: Final = 1_800.0
URL_SECONDS: Final = 300.0
MAX_REDIRECTS: Final = 3
Missed = Callable[[Did, str], Awaitable[None]]


async def _nobody(_: Did, __: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Sources:
    """Strangers name all of these, so all goes through the guarded client.

    `missed` is told whose blob its PDS does not have.
    """

    resolver: IdentityResolver
    remote: Remote
    client: GuardedClient
    max_blob_bytes: int
    missed: Missed = _nobody

    def host(self, did: Did) -> str:
        """Where `of` leads, as far as it is known before it is asked."""
        identity = self.resolver.cached(did)
        return did if identity is None or identity.pds is None else identity.pds

    def of(self, did: Did, cid: str, url: str | None = None) -> Sequence[Fetch]:
        """`url`: of a trusted host, where the same bytes may be."""
        sources: list[Fetch] = [
            lambda: self._from_pds(did, cid, force=False),
            lambda: self._from_pds(did, cid, force=True),
        ]
        if url is not None:
            sources.append(lambda: self._from_url(url))
        return sources

    @asynccontextmanager
    async def _from_pds(self, did: Did, cid: str, *, force: bool) -> AsyncIterator[Incoming]:
        before = self.resolver.cached(did)
        identity = await self.resolver.resolve(did, force=force)
        if identity.pds is None:
            raise Broken(f"{did} names no PDS")
        if force and before is not None and before.pds == identity.pds:
            raise Broken(f"{identity.pds} does not give {cid}, and {did} has no other PDS")
        try:
            async with self.remote.download(
                identity.pds,
                "com.atproto.sync.getBlob",
                [("did", did), ("cid", cid)],
                max_bytes=self.max_blob_bytes,
                timeout_seconds=FETCH_SECONDS,
            ) as response:
                yield Incoming(response.size, response.chunks(), response.peer)
        except RemoteError as error:
            if error.is_missing_blob:
                await self.missed(did, cid)
            raise

    @asynccontextmanager
    async def _from_url(self, url: str) -> AsyncIterator[Incoming]:
        async with self.client.stream(
            url,
            max_bytes=self.max_blob_bytes,
            timeout_seconds=URL_SECONDS,
            max_redirects=MAX_REDIRECTS,
        ) as response:
            if response.status != 200:
                raise RemoteError(response.status, "", url)
            yield Incoming(response.size, response.chunks(), response.peer)
