"""How many likes, comments and lists point at a record."""

from dataclasses import dataclass

from migrations.runner import Connection

_COUNTS = "select likes, comments, in_lists from subject_count where subject = $1"


@dataclass(frozen=True, slots=True)
class Counts:
    likes: int = 0
    comments: int = 0
    in_lists: int = 0


async def load_counts(connection: Connection, subject: str) -> Counts:
    row = await connection.fetchrow(_COUNTS, subject)
    return Counts() if row is None else Counts(**row)
