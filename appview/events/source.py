"""/events: the stream of fm.plyr.sync.subscribeEvents as server-sent events.

What EventSource sends when it comes back, Last-Event-ID, is a cursor and goes before the one in
the address.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import orjson
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from appview.events.event import NSID, OUTDATED, Wants
from appview.events.tail import Batch, Tail
from lexicons.catalog import Catalog
from xrpc import event_source, metrics
from xrpc.caller_rates import address_of
from xrpc.errors import Translate, XrpcError, invalid_request
from xrpc.query_string import read_params
from xrpc.replies import error_reply, preflight_reply
from xrpc.seats import Seats
from xrpc.stream import why_cut

PATH = "/events"
RETRY_MILLISECONDS = 3_000
LAST_SEQ = 2**63 - 1


class EventSource:
    def __init__(self, catalog: Catalog, tail: Tail, seats: Seats, translate: Translate) -> None:
        self._method = catalog.methods[NSID]
        self._tail = tail
        self._seats = seats
        self._translate = translate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        verb = scope["method"]
        if verb == "OPTIONS":
            await preflight_reply(dict(scope["headers"])).send(send, [], with_body=False)
            return
        if verb not in {"GET", "HEAD"}:
            refusal = XrpcError(405, "InvalidRequest", "the stream takes GET", {"allow": "GET"})
            await error_reply(refusal).send(send, [], with_body=True)
            return
        try:
            cursor, wants = self._asked(scope)
            with self._seats.seat(address_of(scope)):
                async with aclosing(self._chunks(cursor, wants)) as chunks:
                    first = await anext(chunks)
                    if verb == "HEAD":
                        await event_source.send_head(send)
                        return
                    await event_source.send_events(first, chunks, receive, send)
        except XrpcError as error:
            await error_reply(error).send(send, [], with_body=verb != "HEAD")

    def _asked(self, scope: Scope) -> tuple[int | None, Wants]:
        params = read_params(self._method, scope["query_string"])
        last = Headers(scope=scope).get("last-event-id")
        if not last:
            return params.get("cursor"), Wants.of(params)
        is_seq = last.isascii() and last.isdigit() and len(last) <= len(str(LAST_SEQ))
        if not is_seq or int(last) > LAST_SEQ:
            raise invalid_request(f"Last-Event-ID: no seq, got {last[:100]!r}")
        return int(last), Wants.of(params)

    async def _chunks(self, cursor: int | None, wants: Wants) -> AsyncGenerator[bytes, None]:
        """The first one says when to come back, and only what keeps it from coming is raised."""
        async with aclosing(self._tail.follow(cursor, wants)) as batches:
            try:
                head = await anext(batches)
            except Exception as error:
                raise why_cut(error, self._method, self._translate) from error
            sent = metrics.stream_messages_total.labels("event-source")
            yield event_source.retry(RETRY_MILLISECONDS) + _chunk(head)
            sent.inc(len(head.events))
            try:
                async for batch in batches:
                    yield _chunk(batch)
                    sent.inc(len(batch.events))
            except Exception as error:  # noqa: BLE001 - nothing of ours may reach a stranger
                yield event_source.fault(why_cut(error, self._method, self._translate))


def _chunk(batch: Batch) -> bytes:
    parts = []
    if batch.is_outdated:
        parts.append(event_source.notice(orjson.dumps({"$type": f"{NSID}#info", **OUTDATED})))
    parts += [event_source.event(event.seq, event.json) for event in batch.events]
    if not parts:
        parts.append(event_source.keep_alive(batch.reached))
    return b"".join(parts)
