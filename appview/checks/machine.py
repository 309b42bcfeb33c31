"""The machine itself: room on the disk, name servers, addresses to listen at."""

import os
import shutil
import socket

from appview.checks.finding import Finding, fail, ok, warn
from appview.config import Config, local_url
from xrpc.client import GuardedClient, Unreachable
from xrpc.names import NameNotFound, Names, NameTrouble

ASKED_NAME = "_atproto.bsky.app"
ANSWER_BYTES = 4 << 20
ANSWER_SECONDS = 5.0


def check_disk(config: Config) -> Finding:
    folder = config.data_dir.resolve()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free, least = shutil.disk_usage(existing).free, config.min_free_bytes
    text = f"{_gib(free)} free in {folder}, PLYR_MIN_FREE_BYTES is {_gib(least)}"
    if not os.access(existing, os.W_OK):
        return fail("disk", f"{existing} cannot be written to", "let this user, or PLYR_DATA_DIR")
    if free < least:
        return fail("disk", text, "make room: whole repos are not fetched until there is some")
    if free < 2 * least:
        return warn("disk", text, "make room soon")
    return ok("disk", text)


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"


async def check_names(names: Names) -> Finding:
    remedy = "see the name servers of this machine: handles are proven by TXT records"
    try:
        await names.texts(ASKED_NAME)
    except NameNotFound:
        return warn("dns", f"answers that there is no {ASKED_NAME}", remedy)
    except NameTrouble as error:
        return fail("dns", f"no answer: {error}", remedy)
    return ok("dns", f"answers for {ASKED_NAME}")


async def check_metrics(config: Config, client: GuardedClient) -> Finding:
    if config.metrics_listen is None:
        return ok("metrics", "off")
    host, port = config.metrics_listen
    return await _check_address(client, "metrics", (host, port), ("/metrics", b"plyr_"))


async def check_listening(config: Config, client: GuardedClient) -> Finding:
    address = (config.host, config.port)
    return await _check_address(client, "xrpc", address, ("/xrpc/_health", b"version"))


async def _check_address(
    client: GuardedClient, topic: str, address: tuple[str, int], ours: tuple[str, bytes]
) -> Finding:
    """Free, or taken by one of our own processes: then it answers as they do."""
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            why = error.strerror
        else:
            return ok(topic, f"{host}:{port} is free")
    path, sign = ours
    origin = local_url(host, port)
    try:
        answer = await client.trusting(origin).get(
            origin + path, max_bytes=ANSWER_BYTES, timeout_seconds=ANSWER_SECONDS
        )
    except Unreachable:
        answer = None
    if answer is not None and sign in answer.body:
        return ok(topic, f"{host}:{port} is answered by a running plyr-appview")
    setting = "PLYR_METRICS_LISTEN" if topic == "metrics" else "PLYR_HOST and PLYR_PORT"
    return fail(topic, f"{host}:{port}: {why}", f"free it, or set {setting}")
