"""The settings: read once from the environment, checked, frozen.

To add one: a field here with its parser, and its line in README's table (a test compares them).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lexicons.syntax import Did, InvalidSyntax, parse_did, parse_nsid
from xrpc.keys import PublicKey, parse_multikey


class BadSetting(ValueError):
    """A setting's value cannot be used; the text names the setting and the value."""


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in schemes or not parts.hostname or parts.username or parts.query:
            raise ValueError(f"expected {' or '.join(schemes)}://host[:port]")
        _ = parts.port  # raises for a port that is not one
        return text.rstrip("/")

    return parse


def _postgres(text: str) -> str:
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("expected postgresql://user@host/database")
    return text


def _origin(text: str) -> str:
    parts = urlsplit(_url("http", "https")(text))
    if parts.path or parts.fragment:
        raise ValueError("expected http(s)://host[:port] without a path")
    return f"{parts.scheme}://{parts.netloc}"


def _bucket(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("expected s3://bucket or s3://bucket/prefix")
    return text.rstrip("/")


def _switch(text: str) -> bool:
    words = {"1": True, "on": True, "true": True, "yes": True}
    words |= {"0": False, "off": False, "false": False, "no": False}
    if text.lower() not in words:
        raise ValueError("expected on or off")
    return words[text.lower()]


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not lowest <= int(text[:20]) <= highest:
            raise ValueError(f"expected a whole number from {lowest} to {highest}")
        return int(text)

    return parse


def _listen(text: str) -> tuple[str, int] | None:
    if text == "off":
        return None
    host, _, port = text.rpartition(":")
    return host.strip("[]") or "127.0.0.1", _whole(0, 65535)(port)


def _namespace(text: str) -> str:
    try:
        parse_nsid(f"{text}.track")
    except InvalidSyntax:
        raise ValueError("expected the first labels of an NSID, as in fm.plyr") from None
    return text


def _networks(text: str) -> tuple[str, ...]:
    return tuple(str(ip_network(part.strip())) for part in text.split(",") if part.strip())


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _dids(text: str) -> tuple[Did, ...]:
    try:
        return tuple(dict.fromkeys(parse_did(word) for word in _words(text)))
    except InvalidSyntax as error:
        raise ValueError(str(error)) from error


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return text

    return parse


def _setting(parse: Callable[[str], Any], default: str, unset: object = None) -> Any:  # noqa: ANN401 - a dataclass field
    return field(metadata={"parse": parse, "default": default, "unset": unset})


# What is listened at everywhere is reached here.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to


def local_url(host: str, port: int) -> str:
    """Of who listens there, from this machine."""
    return url_of(_EVERYWHERE.get(host, host), port)


def url_of(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _firehose(url: str) -> str:
    parts = urlsplit(url)
    scheme = {"https": "wss", "http": "ws"}.get(parts.scheme, parts.scheme)
    return f"{scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True)
class Config:
    database_url: str | None = _setting(_postgres, "")
    data_dir: Path = _setting(Path, "./data")
    relay_url: str = _setting(
        _url("wss", "ws", "https", "http"), "wss://relay1.us-east.bsky.network"
    )
    discovery_url: str | None = _setting(_url("https", "http"), "")
    second_relay_url: str | None = _setting(_url("wss", "ws", "https", "http"), "")
    sample_seconds: int = _setting(_whole(1, 86_400), "300")
    replay_max_minutes: int = _setting(_whole(1, 100_000), "30")
    plc_url: str = _setting(_url("https", "http"), "https://plc.directory")
    handle_resolver_url: str | None = _setting(_url("https", "http"), "")
    namespace: str = _setting(_namespace, "fm.plyr")
    host: str = _setting(str, "127.0.0.1")
    port: int = _setting(_whole(0, 65535), "8000")
    metrics_listen: tuple[str, int] | None = _setting(_listen, "127.0.0.1:9100")
    public_url: str = _setting(_origin, "")
    service_key: PublicKey | None = _setting(parse_multikey, "")
    trusted_proxies: tuple[str, ...] = _setting(_networks, "127.0.0.1,::1")
    rate_limit_requests: int = _setting(_whole(0, 10**9), "3000")
    rate_limit_seconds: int = _setting(_whole(1, 86_400), "300")
    max_subscribers: int = _setting(_whole(1, 10**6), "1000")
    max_subscribers_per_caller: int = _setting(_whole(1, 10**6), "20")
    events_hours: int = _setting(_whole(1, 100_000), "72")
    events_count: int = _setting(_whole(1_000, 10**10), "1000000")
    trusted_media_hosts: tuple[str, ...] = _setting(_words, "audio.plyr.fm")
    labelers: tuple[Did, ...] = _setting(_dids, "", unset=())
    resync_workers: int = _setting(_whole(1, 64), "6")
    max_repo_bytes: int = _setting(_whole(1_000_000, 10**11), str(1 << 30))
    media_cache_bytes: int = _setting(_whole(0, 10**15), str(10 << 30))
    media_store: str | None = _setting(_bucket, "")
    media_store_bytes: int = _setting(_whole(1, 10**18), str(100 << 30))
    max_blob_bytes: int = _setting(_whole(1_000, 10**11), str(300 << 20))
    min_free_bytes: int = _setting(_whole(0, 10**15), str(2 << 30))
    allow_private_addresses: bool = _setting(_switch, "off")
    log_format: str = _setting(_one_of("text", "json"), "text")
    log_level: str = _setting(_one_of("debug", "info", "warning", "error"), "info")

    @property
    def relay_origin(self) -> str:
        """The relay's address for HTTP: getRepo, listReposByCollection."""
        parts = urlsplit(self.relay_url)
        scheme = {"wss": "https", "ws": "http"}.get(parts.scheme, parts.scheme)
        return f"{scheme}://{parts.netloc}"

    @property
    def firehose_origin(self) -> str:
        """The relay's address for WebSockets."""
        return _firehose(self.relay_url)

    @property
    def second_firehose_origin(self) -> str | None:
        return None if self.second_relay_url is None else _firehose(self.second_relay_url)

    @property
    def discovery_origin(self) -> str:
        return self.discovery_url or self.relay_origin

    @property
    def operator_origins(self) -> frozenset[str]:
        """Addresses that the operator chose, who may keep them on a private network."""
        chosen = (
            self.relay_origin,
            self.discovery_origin,
            self.plc_url,
            self.handle_resolver_url,
            self.second_firehose_origin,
        )
        parts = [urlsplit(url) for url in chosen if url]
        return frozenset(f"{part.scheme}://{part.netloc}" for part in parts)


FOR_TESTS = ("PLYR_TEST_", "PLYR_SHARED")
SETTINGS = {f"PLYR_{item.name.upper()}": item for item in fields(Config)}


def from_env(environ: Mapping[str, str]) -> Config:
    """Read every PLYR_* variable; an unknown one is as wrong as a bad value."""
    for name in environ:
        if name.startswith("PLYR_") and name not in SETTINGS and not name.startswith(FOR_TESTS):
            raise BadSetting(f"{name}: there is no such setting (README lists them)")
    values: dict[str, object] = {}
    for name, item in SETTINGS.items():
        text = environ.get(name, "").strip() or item.metadata["default"]
        try:
            values[item.name] = item.metadata["parse"](text) if text else item.metadata["unset"]
        except ValueError as error:
            raise BadSetting(f"{name}={text!r}: {error}") from error
    values["public_url"] = values["public_url"] or f"http://localhost:{values['port']}"
    return Config(**values)  # type: ignore[arg-type]  # each parser gives its field's type
