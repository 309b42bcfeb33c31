"""Whose blobs did not come because their PDS has none: noted, for the indexer to ask again."""

from dataclasses import dataclass
from typing import Final

import structlog

from lexicons.cid import Cid
from lexicons.syntax import Did
from migrations.database import DATABASE_ERRORS, Pool

log = structlog.get_logger(__name__)

# Of a picture nobody wants to know.
NOTE: Final = """
insert into media.missing_blob (did, cid)
select $1, $2
where exists (select from track where audio_cid = $2 and did = $1)
on conflict do nothing
"""
FORGET: Final = "delete from media.missing_blob where cid = $1"


@dataclass(frozen=True, slots=True)
class Missing:
    """What fails here costs nobody the blob."""

    pool: Pool

    async def note(self, did: Did, cid: str) -> None:
        await self._execute(NOTE, did, cid)

    async def came(self, cid: Cid) -> None:
        """It is proven: we have it, whoever gave it."""
        await self._execute(FORGET, str(cid))

    async def _execute(self, sql: str, *values: str) -> None:
        try:
            await self.pool.execute(sql, *values)
        except DATABASE_ERRORS as error:
            log.warning("missing blob not noted", error=str(error)[:300])
