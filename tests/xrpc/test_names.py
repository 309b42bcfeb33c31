"""DNS lookups, against a name server at the socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from xrpc.names import Dns, NameNotFound, NameTrouble, SystemNames

ZONE = {
    ("both.test.", "A"): ["192.0.2.1", "192.0.2.2"],
    ("both.test.", "AAAA"): ["2001:db8::1"],
    ("four.test.", "A"): ["192.0.2.3"],
    ("_atproto.long.test.", "TXT"): ['"did=did:plc:" "aaaa"', '"v=spf1"'],
    ("empty.test.", "MX"): ["10 mail.test."],
}


class NameServer(asyncio.DatagramProtocol):
    transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        question = dns.message.from_wire(data)
        asked = question.question[0]
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        name, kind = asked.name.to_text(), dns.rdatatype.to_text(asked.rdtype)
        if name == "broken.test.":
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif not any(known == name for known, _ in ZONE):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif (name, kind) in ZONE:
            answer.answer.append(dns.rrset.from_text_list(name, 60, "IN", kind, ZONE[name, kind]))
        self.transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def name_server() -> AsyncIterator[Dns]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(NameServer, ("127.0.0.1", 0))
    try:
        yield Dns(("127.0.0.1", transport.get_extra_info("sockname")[1]))
    finally:
        transport.close()


async def test_a_host_has_the_addresses_of_both_families() -> None:
    async with name_server() as names:
        found = await names.addresses("both.test")
        assert sorted(found) == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]
        assert await names.addresses("four.test") == ["192.0.2.3"]


async def test_the_chunks_of_a_txt_value_are_joined() -> None:
    async with name_server() as names:
        assert sorted(await names.texts("_atproto.long.test")) == ["did=did:plc:aaaa", "v=spf1"]


async def test_a_name_without_an_answer_is_not_found_and_a_broken_server_is_trouble() -> None:
    async with name_server() as names:
        for ask in (names.addresses, names.texts):
            with pytest.raises(NameNotFound):
                await ask("nowhere.test")
            with pytest.raises(NameNotFound):
                await ask("empty.test")
            with pytest.raises(NameTrouble):
                await ask("broken.test")


@pytest.mark.parametrize("name", ["a" * 64 + ".test", "a..test", ".".join(["abc"] * 90), "\\999"])
async def test_a_name_that_cannot_be_asked_for_is_no_crash(name: str) -> None:
    async with name_server() as names:
        with pytest.raises((NameNotFound, NameTrouble)):
            await names.texts(name)


async def test_the_machine_knows_itself() -> None:
    assert "127.0.0.1" in await SystemNames().addresses("localhost")
