"""Why a request did not get an answer."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

import httpcore


class Trouble(StrEnum):
    REFUSED_URL = "refused-url"
    BLOCKED_ADDRESS = "blocked-address"
    TOO_LARGE = "too-large"
    TIMEOUT = "timeout"
    DNS = "dns"
    NO_SUCH_HOST = "no-such-host"
    CONNECT = "connect"
    TLS = "tls"
    REDIRECT = "redirect"
    PROTOCOL = "protocol"


class Unreachable(Exception):
    def __init__(self, reason: Trouble, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@contextmanager
def as_unreachable(host: str) -> Iterator[None]:
    """Give whatever the HTTP library or the socket raises one name."""
    try:
        yield
    except (TimeoutError, httpcore.TimeoutException) as error:
        raise Unreachable(Trouble.TIMEOUT, host) from error
    except httpcore.ConnectError as error:
        # httpcore's pool raises again "from None": what came before is left in the context only.
        reason = Trouble.TLS if isinstance(error.__context__, ssl.SSLError) else Trouble.CONNECT
        raise Unreachable(reason, f"{host}: {error}") from error
    except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
        raise Unreachable(Trouble.PROTOCOL, f"{host}: {error}") from error
    except (httpcore.NetworkError, OSError) as error:
        raise Unreachable(Trouble.CONNECT, f"{host}: {error}") from error
