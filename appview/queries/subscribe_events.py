"""fm.plyr.sync.subscribeEvents: what changes here, as it changes."""

from contextlib import aclosing

from appview.events.event import OUTDATED, Wants
from appview.events.tail import Tail
from lexicons.data_model import encode
from xrpc.server import XrpcRequest
from xrpc.stream import Frames, message_frame


async def subscribe_events(tail: Tail, request: XrpcRequest) -> Frames:
    cursor, wants = request.params.get("cursor"), Wants.of(request.params)
    async with aclosing(tail.follow(cursor, wants)) as batches:
        async for batch in batches:
            if batch.is_outdated:
                yield [message_frame("#info", encode({**OUTDATED}))]
            yield [event.frame for event in batch.events]
