"""What may be shown of a record: whose addresses are passed on, and what can be played."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self
from urllib.parse import urlsplit

Playability = Literal["playable", "gated", "unavailable", "pending", "taken-down"]


@dataclass(frozen=True, slots=True)
class Trust:
    """The hosts that clients may be sent to: our own origin, and those that a record may name."""

    origin: str
    hosts: tuple[str, ...]
    prefixes: tuple[str, ...]

    @classmethod
    def of(cls, origin: str, hosts: Iterable[str]) -> Self:
        names = tuple(sorted(hosts))
        # A prefix that ends with the slash leaves no room for a port, a user or a longer name.
        return cls(origin, names, tuple(f"https://{host}/" for host in names))

    def covers(self, url: str | None) -> bool:
        return url is not None and url.startswith(self.prefixes)


# Names that mean something else in everybody's own network.
_OF_ONES_OWN = frozenset({"home", "internal", "intranet", "lan", "local", "localhost"})


def is_public(origin: str) -> bool:
    """Whether listeners may be sent there: any DID document can name any PDS."""
    parts = urlsplit(origin)
    labels = (parts.hostname or "").rstrip(".").split(".")
    # What ends in a number is an address, however it is written, and so is what has a colon.
    is_name = len(labels) > 1 and not labels[-1][:1].isdigit() and ":" not in labels[0]
    return parts.scheme == "https" and is_name and labels[-1].lower() not in _OF_ONES_OWN


def playability(
    gate: str | None,
    audio_cid: str | None,
    audio_url: str | None,
    trust: Trust,
    *,
    url_status: str | None,
    is_taken_down: bool = False,
) -> Playability:
    """`url_status`: what became of asking the URL's host; None as long as nobody has."""
    if is_taken_down:
        return "taken-down"
    if gate is not None:
        return "gated"
    if audio_cid is not None:
        return "playable"
    if not trust.covers(audio_url) or url_status == "dead":
        return "unavailable"
    return "playable" if url_status == "ok" else "pending"
