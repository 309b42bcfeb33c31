"""Which addresses a stranger may send us to: public unicast ones, and no others.

The lists are the IANA special-purpose registries (RFC 6890 and its updates). Of IPv6 only 2000::/3
is in use, and inside it what carries an IPv4 address (6to4, Teredo) could carry a private one.
"""

import ipaddress
import re
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_SPECIAL_V4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_UNICAST_V6: Final = ipaddress.IPv6Network("2000::/3")
_SPECIAL_V6: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocol assignments, Teredo and ORCHID among them
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
CALLERS_PREFIX: Final = 64
SITES_PREFIX: Final = 48
_NUMBER: Final = re.compile(r"\d+|0[xX][0-9a-fA-F]*")
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


def is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _SPECIAL_V4)
    if address.scope_id is not None or address not in _UNICAST_V6:
        return False
    return not any(address in network for network in _SPECIAL_V6)


def network_of(address: str) -> str:
    """What one caller has: an IPv4 address, or a whole /64 of IPv6. What is no address stays."""
    return _network(address, CALLERS_PREFIX)


def site_of(address: str) -> str:
    """What one who runs servers has, for the asking: as `network_of`, of IPv6 a whole /48."""
    return _network(address, SITES_PREFIX)


def _network(address: str, prefix: int) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), prefix), strict=False))


def parse_host(host: str) -> Address | str | None:
    """An address, a lower-case DNS name, or None for what could be read in two ways.

    A name whose last label is a number is an address to some resolvers: 2130706433, 0x7f.1, 127.1.
    """
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    name = host.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or _NUMBER.fullmatch(labels[-1]):
        return None
    if not all(_LABEL.fullmatch(label) for label in labels):
        return None
    return name
