"""Addresses: no form of a private one passes."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xrpc.addresses import is_public, network_of, parse_host, site_of


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1",
        "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.9", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:53aa:64c::1", "2001:db8::1",
        "2002:7f00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1",
        "fe80::1%eth0", "2606:4700::1%eth0", "ff02::1", "4000::1",
    ],
)  # fmt: skip
def test_a_special_address_is_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1",
        "126.1.1.1", "128.0.0.1", "172.15.0.1", "172.32.0.1", "192.167.1.1", "223.255.255.255",
        "2606:4700::1111", "2a00:1450::1", "2400:cb00::1",
    ],
)  # fmt: skip
def test_an_ordinary_address_is_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@given(st.ip_addresses())
@settings(max_examples=500)
def test_nothing_passes_that_the_standard_library_calls_special(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=4))
@settings(max_examples=200)
def test_an_ipv4_address_inside_ipv6_is_never_public(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for prefix in ("::ffff:0:0", "::", "64:ff9b::", "64:ff9b:1::"):
        assert not is_public(ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) + number))
    assert not is_public(ipaddress.IPv6Address((0x2002 << 112) | (number << 80)))
    assert not is_public(ipaddress.IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF)))


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.1", "1.2.3.4.5", "0x",
        "example.0x1", "example.123", "", ".", "a..b", "-a.com", "a-.com", "a b", "ex%61mple.com",
        "exämple.com", "a" * 64 + ".com", ".".join(["a" * 60] * 5), "[::1]", "1.1.1.1:80", "x/y",
        "127.0.0.1.", "010.0.0.1", "::1%", "localhost\n", "a\0b",
    ],
)  # fmt: skip
def test_a_host_that_resolvers_read_in_their_own_ways_is_refused(host: str) -> None:
    assert parse_host(host) is None


def test_names_are_lowered_and_lose_their_last_dot() -> None:
    assert parse_host("Example.COM.") == "example.com"
    assert parse_host("_atproto.xn--bcher-kva.example") == "_atproto.xn--bcher-kva.example"
    assert parse_host("localhost") == "localhost"


def test_one_host_of_ipv6_is_one_network_however_many_addresses_it_takes() -> None:
    assert network_of("2606:4700::1") == network_of("2606:4700:0:0:ffff::2") == "2606:4700::/64"
    assert network_of("2606:4700:0:1::1") != network_of("2606:4700::1")
    assert network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1")


def test_a_site_is_an_address_or_all_that_somebody_with_servers_is_given() -> None:
    assert site_of("2606:4700::1") == site_of("2606:4700:0:ffff::2") == "2606:4700::/48"
    assert site_of("2606:4700:1::1") != site_of("2606:4700::1")
    assert site_of("192.0.2.1") == "192.0.2.1"
    assert site_of("::ffff:192.0.2.1") == site_of("192.0.2.1")
