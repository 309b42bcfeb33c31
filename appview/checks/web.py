"""Those whom we ask over HTTP, and those who ask us: the directory, discovery, our own document."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from appview.checks.clock import ahead_of_us
from appview.checks.finding import Finding, fail, ok, warn
from appview.config import Config
from appview.context import AppSettings
from appview.wellknown import SERVICE_ID, SERVICE_TYPE
from xrpc.client import GuardedClient, Response, Unreachable

ANSWER_BYTES = 1 << 20
ANSWER_SECONDS = 15.0
ASKED_DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"  # atproto.com
ASKED_HANDLE = "atproto.com"
LOCAL = {"localhost", "127.0.0.1", "::1"}

Now = Callable[[], datetime]


async def check_directory(config: Config, client: GuardedClient, now: Now) -> Finding:
    topic, url = "plc", f"{config.plc_url.rstrip('/')}/{ASKED_DID}"
    remedy = "see PLYR_PLC_URL: without the directory no commit can be proven"
    answer = await _get(client, url)
    if isinstance(answer, Unreachable):
        return fail(topic, f"{config.plc_url}: {answer}", remedy)
    ahead = ahead_of_us(answer.headers, now())
    if answer.status not in {200, 404, 410} or _json(answer) is None:
        return fail(topic, f"{config.plc_url}: HTTP {answer.status}", remedy, ahead)
    return ok(topic, f"{config.plc_url} answers", ahead)


async def check_handle_resolver(config: Config, client: GuardedClient) -> Finding:
    topic = "handles"
    if config.handle_resolver_url is None:
        return ok(topic, "proven over DNS and HTTPS")
    origin = config.handle_resolver_url.rstrip("/")
    url = f"{origin}/xrpc/com.atproto.identity.resolveHandle?handle={ASKED_HANDLE}"
    answer = await _get(client, url)
    remedy = "see PLYR_HANDLE_RESOLVER_URL; DNS and HTTPS are asked instead"
    if isinstance(answer, Unreachable):
        return warn(topic, f"{origin}: {answer}", remedy)
    if answer.status not in {200, 400, 404} or _json(answer) is None:
        return warn(topic, f"{origin}: HTTP {answer.status}", remedy)
    return ok(topic, f"{origin} is asked before DNS and HTTPS")


async def check_discovery(config: Config, client: GuardedClient, now: Now) -> Finding:
    topic, origin = "discovery", config.discovery_origin
    nsid = "com.atproto.sync.listReposByCollection"
    url = f"{origin}/xrpc/{nsid}?collection={config.namespace}.track&limit=1"
    answer = await _get(client, url)
    if isinstance(answer, Unreachable):
        return fail(topic, f"{origin}: {answer}", "see PLYR_DISCOVERY_URL")
    ahead, body = ahead_of_us(answer.headers, now()), _json(answer)
    if answer.status == 200 and isinstance(body, dict) and isinstance(body.get("repos"), list):
        return ok(topic, f"{origin} serves {nsid}", ahead)
    if answer.status in {400, 404, 405, 501}:
        remedy = "fine up to 10,000 repos, which are asked one by one; else see PLYR_DISCOVERY_URL"
        return warn(topic, f"{origin} does not serve {nsid}", remedy, ahead)
    return fail(topic, f"{origin}: HTTP {answer.status}", "see PLYR_DISCOVERY_URL", ahead)


async def check_public(config: Config, settings: AppSettings, client: GuardedClient) -> Finding:
    """What others see under our name: without it no PDS passes a request on to us."""
    topic, origin = "public", config.public_url
    parts = urlsplit(origin)
    is_local = parts.hostname in LOCAL
    answer = await _get(client.trusting(origin), f"{origin}/.well-known/did.json")
    if isinstance(answer, Unreachable):
        remedy = "start `plyr-appview serve`, and let PLYR_PUBLIC_URL lead to it"
        return (warn if is_local else fail)(topic, f"{origin}: {answer}", remedy)
    wrong = _mistake(_json(answer), settings) if answer.status == 200 else f"HTTP {answer.status}"
    if wrong is not None:
        return fail(topic, f"{origin}/.well-known/did.json: {wrong}", _MISLED)
    if is_local:
        remedy = "set PLYR_PUBLIC_URL to the address that others reach"
        return warn(topic, f"{origin} is us, for this machine alone", remedy)
    if parts.scheme != "https":
        return warn(topic, f"{origin} is us, without TLS", "did:web is read over https only")
    return ok(topic, f"{origin} is {settings.service_did}")


_MISLED = "let PLYR_PUBLIC_URL lead to this service, whose PLYR_PUBLIC_URL must be the same"


def _mistake(document: Any, settings: AppSettings) -> str | None:  # noqa: ANN401 - JSON
    if not isinstance(document, dict) or document.get("id") != settings.service_did:
        return f"not the document of {settings.service_did}"
    services = document.get("service")
    for service in services if isinstance(services, list) else []:
        if isinstance(service, dict) and str(service.get("id")).endswith(SERVICE_ID):
            endpoint, kind = service.get("serviceEndpoint"), service.get("type")
            if (endpoint, kind) == (settings.origin, SERVICE_TYPE):
                return None
            return f"its service {SERVICE_ID} is a {kind} at {endpoint}"
    return f"it names no service {SERVICE_ID}"


async def _get(client: GuardedClient, url: str) -> Response | Unreachable:
    try:
        return await client.get(
            url, max_bytes=ANSWER_BYTES, timeout_seconds=ANSWER_SECONDS, max_redirects=3
        )
    except Unreachable as error:
        return error


def _json(answer: Response) -> Any:  # noqa: ANN401 - JSON
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
