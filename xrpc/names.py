"""Name lookups: the DNS for strangers' names, the machine's own way for what it is told to use.

Strangers' names never see /etc/hosts, search domains or a name service of the local network; and a
lookup in the DNS can be cancelled, where a thread inside getaddrinfo cannot.
"""

import asyncio
import socket
from typing import Final, Protocol

import dns.asyncresolver
import dns.exception
import dns.resolver
from dns.rdatatype import RdataType

LOOKUP_SECONDS: Final = 5.0
_NO_SUCH_NAME: Final = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class NameNotFound(Exception):
    """The name does not exist, or has nothing of the kind asked for."""


class NameTrouble(Exception):
    """No answer this time; another attempt may have one."""


class Names(Protocol):
    async def addresses(self, host: str) -> list[str]: ...

    async def texts(self, name: str) -> list[str]: ...


class Dns:
    def __init__(self, server: tuple[str, int] | None = None) -> None:
        """Without a server: those that the machine is configured with."""
        self._server = server

    async def addresses(self, host: str) -> list[str]:
        answers = await asyncio.gather(
            self._ask(host, RdataType.A),
            self._ask(host, RdataType.AAAA),
            return_exceptions=True,
        )
        found = [text for answer in answers if isinstance(answer, list) for text in answer]
        if found:
            return found
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, NameNotFound):
                raise answer
        raise NameNotFound(host)

    async def texts(self, name: str) -> list[str]:
        """The TXT values of a name, each joined from its chunks; raises NameNotFound for none."""
        return await self._ask(name, RdataType.TXT)

    async def _ask(self, name: str, kind: RdataType) -> list[str]:
        try:
            answer = await self._resolver().resolve(
                name, kind, search=False, lifetime=LOOKUP_SECONDS
            )
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer) as error:
            raise NameNotFound(name) from error
        except (dns.exception.DNSException, OSError) as error:
            raise NameTrouble(f"{name}: {type(error).__name__}") from error
        if kind is RdataType.TXT:
            return [b"".join(data.strings).decode("utf-8", "replace") for data in answer]
        return [str(data.address) for data in answer]

    def _resolver(self) -> dns.asyncresolver.Resolver:
        """One for each question: a laptop's name servers change as it moves."""
        if self._server is None:
            return dns.asyncresolver.Resolver()
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = [self._server[0]]
        resolver.port = self._server[1]
        return resolver


class SystemNames:
    """Asks as any program on this machine would."""

    async def addresses(self, host: str) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            if error.errno in _NO_SUCH_NAME:
                raise NameNotFound(host) from error
            raise NameTrouble(f"{host}: {error.strerror}") from error
        return list(dict.fromkeys(str(info[4][0]) for info in found))
