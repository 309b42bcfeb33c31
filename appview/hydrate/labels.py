"""What labelers say of accounts and records."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from appview.row import Row
from lexicons.syntax import Did
from migrations.database import Pool

_LABELS = """
select uri, src, val, cid, cts, exp
from labels.label
where uri = any($1)
and src = any($2)
and not neg
and (expires_at is null or expires_at > now())
and (
    cid = ''
    or cid = (
        select record.cid
        from record
        where record.did = split_part(uri, '/', 3)
        and record.collection = split_part(uri, '/', 4)
        and record.rkey = split_part(uri, '/', 5)
    )
)
order by uri, src, val, cid
"""


async def load_labels(
    pool: Pool, subjects: Collection[str], labelers: Sequence[Did]
) -> Mapping[str, Sequence[Row]]:
    """By what each is about: those that hold now, and of the version that there is."""
    if not subjects:
        return {}
    found: dict[str, list[Row]] = defaultdict(list)
    for row in await pool.fetch(_LABELS, list(subjects), labelers):
        found[row["uri"]].append(row)
    return found
