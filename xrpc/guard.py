"""What may be connected to: every address is checked, and the connection goes to that address.

So a name cannot mean one thing to the check and another to the socket. httpcore is given no name
that it could look up itself.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import httpcore

from xrpc.addresses import Address, is_public, parse_host
from xrpc.names import Dns, NameNotFound, Names, NameTrouble, SystemNames
from xrpc.unreachable import Trouble, Unreachable

PUBLIC_PORTS: Final = frozenset({80, 443})
ATTEMPT_SECONDS: Final = 4.0
MAX_ADDRESSES: Final = 8
READ_BYTES: Final = 256 << 10


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """What may be connected to. `trusted` are the hosts and ports that the operator configured."""

    allow_private_addresses: bool
    trusted: frozenset[tuple[str, int]]
    names: Names | None

    async def addresses(self, host: str, port: int, *, trusted: bool) -> list[str]:
        unguarded = trusted or self.allow_private_addresses
        if not unguarded and port not in PUBLIC_PORTS:
            raise Unreachable(Trouble.REFUSED_URL, f"{host}: port {port}")
        parsed = parse_host(host)
        if parsed is None:
            raise Unreachable(Trouble.BLOCKED_ADDRESS, f"{host[:255]!r} is not a host name")
        if not isinstance(parsed, str):
            return [self._checked(parsed, unguarded)]
        names = self.names or (SystemNames() if unguarded else Dns())
        try:
            found = await names.addresses(parsed)
        except NameNotFound as error:
            raise Unreachable(Trouble.NO_SUCH_HOST, host) from error
        except NameTrouble as error:
            raise Unreachable(Trouble.DNS, str(error)) from error
        return self._allowed(host, found, unguarded)

    def _allowed(self, host: str, found: Iterable[str], unguarded: bool) -> list[str]:
        allowed = []
        for text in found:
            address = parse_host(text)
            if isinstance(address, Address) and (unguarded or is_public(address)):
                allowed.append(str(address))
        if not allowed:
            raise Unreachable(Trouble.BLOCKED_ADDRESS, f"{host} has no public address")
        return _families_in_turn(allowed)[:MAX_ADDRESSES]

    def _checked(self, address: Address, unguarded: bool) -> str:
        if not (unguarded or is_public(address)):
            raise Unreachable(Trouble.BLOCKED_ADDRESS, f"{address} is not public")
        return str(address)


class CheckedBackend(httpcore.AsyncNetworkBackend):
    def __init__(self, guard: AddressGuard, *, trusted: bool) -> None:
        self._guard = guard
        self._trusted = trusted
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._guard.addresses(host, port, trusted=self._trusted)
        last = len(addresses) - 1
        for index, address in enumerate(addresses):
            seconds = timeout if index == last else ATTEMPT_SECONDS
            try:
                return LargeReads(
                    await self._plain.connect_tcp(
                        address, port, seconds, local_address, socket_options
                    )
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if index == last:
                    raise
        raise AssertionError("addresses are never empty")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class LargeReads(httpcore.AsyncNetworkStream):
    """httpcore asks for 64 KiB at a time, and has as much to do with them as with all that came."""

    def __init__(self, plain: httpcore.AsyncNetworkStream) -> None:
        self._plain = plain

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> bytes:
        return await self._plain.read(max(max_bytes, READ_BYTES), timeout)

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> None:
        await self._plain.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._plain.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        return await self._plain.start_tls(ssl_context, server_hostname, timeout)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as httpcore has it
        return self._plain.get_extra_info(info)


async def connect_first(addresses: list[str], port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    failure: OSError | None = None
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                await loop.sock_connect(connection, (address, port))
        except OSError as error:  # TimeoutError is one
            connection.close()
            failure = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    assert failure is not None
    raise failure


def _families_in_turn(addresses: list[str]) -> list[str]:
    """Alternate between the families, so that one broken family costs one attempt."""
    ranked = {True: 0, False: 0}
    order = []
    for address in addresses:
        is_v6 = ":" in address
        order.append((ranked[is_v6], is_v6, address))
        ranked[is_v6] += 1
    return [address for _, _, address in sorted(order)]
