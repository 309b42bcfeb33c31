"""All labelers that the operator trusts, and what follows from what they say."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from indexer.labels import hiding, store
from indexer.labels.subscription import Subscription
from indexer.records.record_type import RecordTypes
from lexicons.syntax import Did
from migrations.database import Pool
from xrpc.client import GuardedClient
from xrpc.identity import IdentityResolver

POLL_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Labels:
    labelers: Sequence[Did]
    pool: Pool
    client: GuardedClient
    resolver: IdentityResolver
    record_types: RecordTypes

    async def run(self) -> None:
        await store.trust(self.pool, self.labelers)
        await hiding.follow_everything(self.pool, self.record_types)
        if not self.labelers:
            return
        async with asyncio.TaskGroup() as group:
            for labeler in self.labelers:
                subscription = Subscription(
                    labeler, self.pool, self.client, self.resolver, self.record_types
                )
                group.create_task(subscription.run())
            group.create_task(self._follow())

    async def _follow(self) -> None:
        while True:
            await hiding.follow_turned(self.pool, self.record_types)
            await asyncio.sleep(POLL_SECONDS)
