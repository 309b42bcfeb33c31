"""What people decide here, and a configuration to keep it with."""

from pathlib import Path
from typing import Any

from appview.config import Config, from_env
from indexer import moderation
from indexer.moderation import Decision, Subject
from migrations.database import Pool
from tests.indexer.changes import ALICE, BOB, SOME_CID, TRACK_URI, TYPES, uri

Json = dict[str, Any]


def config(url: str, folder: Path) -> Config:
    return from_env({"PLYR_DATABASE_URL": url, "PLYR_DATA_DIR": str(folder)})


async def decide(pool: Pool) -> None:
    for subject in (ALICE, TRACK_URI, f"{BOB}/{SOME_CID}"):
        await moderation.take_down(pool, TYPES, Decision(Subject(subject), "me", 'ü "x"\n'))
    await moderation.restore(pool, TYPES, Decision(Subject(TRACK_URI), "you"))
    await moderation.take_down(pool, TYPES, Decision(Subject(uri(BOB, "like", 1)), "me"))


async def decided(pool: Pool) -> tuple[list[Json], list[Json]]:
    """All of `local`, without the ids."""
    takedowns = await pool.fetch("select * from local.takedown order by subject")
    actions = await pool.fetch("select * from local.action order by id")
    return [dict(row) for row in takedowns], [dict(row) | {"id": None} for row in actions]
