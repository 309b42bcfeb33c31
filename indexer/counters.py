"""Counts of likes, comments and list entries, kept in step with the table `link`.

A count is a sum over links that are `counted`, and moves only when that flag does, in the same
transaction. Of one account's likes of a subject the one with the smallest URI may be counted.
An account whose activity changed is followed link by link, in chunks: `counted_active` is what
its links are held to, `recount_after` how far they already are. Callers hold the writer's lock.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from indexer.columns import columns
from migrations.runner import Connection

IS_BEHIND = """
select exists (select from account where active <> counted_active or recount_after is not null)
"""

BEHIND = """
select did, active, case when active = counted_active then recount_after end as after
from account
where active <> counted_active or recount_after is not null
order by did
limit 1
for update
"""

# The last URI of the chunk, whose links (a list has many) are not torn apart.
END_OF_CHUNK = """
select uri from link where uri > $1 and uri < $2 order by uri offset $3 limit 1
"""

TURN = """
update link
set counted = not counted
where uri > $1
  and uri < $2
  and ($3::text is null or uri <= $3)
  and counted <> ($4 and not (
      kind = 'like' and exists (
          select
          from link as earlier
          where earlier.subject = link.subject
            and earlier.kind = 'like'
            and earlier.did = link.did
            and earlier.uri < link.uri
      )
  ))
returning subject, kind, did
"""

FOLLOWED = "update account set counted_active = $2, recount_after = $3 where did = $1"


class Link(NamedTuple):
    """`made_at`: None for now. `added`: to a list that was known without it."""

    uri: str
    subject: str
    kind: str
    did: str
    made_at: datetime | None
    added: bool


class First(NamedTuple):
    """The like of an account and a subject with the smallest URI."""

    uri: str
    subject: str
    did: str
    counted: bool

    @property
    def pair(self) -> tuple[str, str]:
        return self.subject, self.did


SUBJECT_COLUMNS = {"like": 0, "comment": 1, "list": 2}
ACCOUNT_COLUMNS = {"tracks": 0, "lists": 1, "likes_given": 2, "likes_received": 3}


@dataclass(slots=True)
class Tally:
    """By how much each count moves in this transaction."""

    track_collection: str
    subjects: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))
    accounts: dict[str, list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0, 0, 0])
    )

    def add_to_account(self, did: str, column: str, by: int) -> None:
        self.accounts[did][ACCOUNT_COLUMNS[column]] += by

    def add_links(self, links: Iterable[Any], by: int) -> None:
        """Take rows of subject, kind and did."""
        for subject, kind, did in links:
            self.subjects[subject][SUBJECT_COLUMNS[kind]] += by
            if kind != "like":
                continue
            self.add_to_account(did, "likes_given", by)
            author = author_of(subject, self.track_collection)
            if author is not None:
                self.add_to_account(author, "likes_received", by)


def author_of(subject: str, track_collection: str) -> str | None:
    """Whose track it is; None for any other subject."""
    parts = subject.split("/")
    if len(parts) == 5 and parts[3] == track_collection and parts[2].startswith("did:"):
        return parts[2]
    return None


async def replace_links(
    connection: Connection, replaced: Sequence[str], links: Collection[Link], tally: Tally
) -> None:
    """Let the links of all `replaced` records and of new ones be exactly these."""
    wanted = {(link.uri, link.subject): link for link in links}
    held = await _held(connection, replaced) if replaced else []
    abandoned = [key for key in held if wanted.pop(key, None) is None]
    orphaned = await _remove(connection, abandoned, tally) if abandoned else []
    if wanted:
        # Sorted by URI: the first like of a pair is its smallest.
        await _insert(connection, sorted(wanted.values()), tally)
    if orphaned:
        await _promote(connection, orphaned, tally)


async def _held(connection: Connection, uris: Sequence[str]) -> list[tuple[str, str]]:
    rows = await connection.fetch("select uri, subject from link where uri = any($1::text[])", uris)
    return [(row[0], row[1]) for row in rows]


async def _remove(
    connection: Connection, keys: Sequence[tuple[str, str]], tally: Tally
) -> list[tuple[str, str]]:
    """Give subject and did of the counted likes: another like may take their place."""
    rows = await connection.fetch(
        """
        delete from link
        using unnest($1::text[], $2::text[]) as abandoned (uri, subject)
        where link.uri = abandoned.uri
          and link.subject = abandoned.subject
        returning link.subject, link.kind, link.did, link.counted
        """,
        *columns(keys),
    )
    counted = [(subject, kind, did) for subject, kind, did, was_counted in rows if was_counted]
    tally.add_links(counted, -1)
    return sorted({(subject, did) for subject, kind, did in counted if kind == "like"})


async def _insert(connection: Connection, links: Sequence[Link], tally: Tally) -> None:
    likes = {(link.subject, link.did): link.uri for link in reversed(links) if link.kind == "like"}
    overtaken = []
    if likes:
        firsts = await _firsts(connection, sorted(likes))
        overtaken = [first for first in firsts if likes[first.pair] < first.uri and first.counted]
        for first in firsts:
            likes[first.pair] = min(likes[first.pair], first.uri)
    if overtaken:
        await _demote(connection, overtaken, tally)
    rows = await connection.fetch(
        """
        insert into link (uri, subject, kind, did, made_at, added, counted)
        select
            new.uri, new.subject, new.kind, new.did, coalesce(new.made_at, now()), new.added,
            new.may_count and account.counted_active
        from unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::boolean[],
            $7::boolean[]
        ) as new (uri, subject, kind, did, made_at, added, may_count)
        join account on account.did = new.did
        returning link.subject, link.kind, link.did, link.counted
        """,
        *columns(links),
        [link.kind != "like" or likes[link.subject, link.did] == link.uri for link in links],
    )
    assert len(rows) == len(links), "a link without an account"
    tally.add_links(((row[0], row[1], row[2]) for row in rows if row[3]), 1)


async def _firsts(connection: Connection, pairs: Sequence[tuple[str, str]]) -> list[First]:
    """The smallest like of each pair, the only one that may be counted."""
    rows = await connection.fetch(
        """
        select first.uri, wanted.subject, wanted.did, first.counted
        from unnest($1::text[], $2::text[]) as wanted (subject, did)
        cross join lateral (
            select uri, counted
            from link
            where link.subject = wanted.subject
              and link.kind = 'like'
              and link.did = wanted.did
            order by uri
            limit 1
        ) as first
        """,
        *columns(pairs),
    )
    return [First(*row) for row in rows]


async def _demote(connection: Connection, likes: Sequence[First], tally: Tally) -> None:
    """Before a smaller URI comes in: link_one_like lets no two be counted, not for a moment."""
    rows = await connection.fetch(
        """
        update link
        set counted = false
        from unnest($1::text[], $2::text[]) as overtaken (uri, subject)
        where link.uri = overtaken.uri
          and link.subject = overtaken.subject
        returning link.subject, link.kind, link.did
        """,
        *columns([(like.uri, like.subject) for like in likes]),
    )
    tally.add_links(rows, -1)


async def _promote(connection: Connection, pairs: Sequence[tuple[str, str]], tally: Tally) -> None:
    """Let the first like that is left, which may be a new one, take the place of a counted one."""
    firsts = [first for first in await _firsts(connection, pairs) if not first.counted]
    if not firsts:
        return
    rows = await connection.fetch(
        """
        update link
        set counted = true
        from unnest($1::text[], $2::text[]) as first (uri, subject)
        where link.uri = first.uri
          and link.subject = first.subject
          and (select counted_active from account where account.did = link.did)
        returning link.subject, link.kind, link.did
        """,
        *columns([(first.uri, first.subject) for first in firsts]),
    )
    tally.add_links(rows, 1)


async def store(connection: Connection, tally: Tally) -> None:
    subjects = sorted((key, *counts) for key, counts in tally.subjects.items() if any(counts))
    if subjects:
        await connection.execute(
            """
            insert into subject_count as held (subject, likes, comments, in_lists)
            select *
            from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
            on conflict (subject) do update
            set
                likes = held.likes + excluded.likes,
                comments = held.comments + excluded.comments,
                in_lists = held.in_lists + excluded.in_lists
            """,
            *columns(subjects),
        )
    accounts = sorted((key, *counts) for key, counts in tally.accounts.items() if any(counts))
    if accounts:
        await connection.execute(
            """
            insert into account_count as held (did, tracks, lists, likes_given, likes_received)
            select *
            from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
            on conflict (did) do update
            set
                tracks = held.tracks + excluded.tracks,
                lists = held.lists + excluded.lists,
                likes_given = held.likes_given + excluded.likes_given,
                likes_received = held.likes_received + excluded.likes_received
            """,
            *columns(accounts),
        )


async def is_behind(connection: Connection) -> bool:
    return bool(await connection.fetchval(IS_BEHIND))


async def recount_chunk(connection: Connection, tally: Tally, limit: int) -> bool:
    """Follow one account, whose activity changed, by some `limit` links; False if there is none.

    New links are held to counted_active from the start, and it moves here alone: what lies behind
    recount_after is right, what lies ahead of it is looked at, whatever happens in between.
    """
    account = await connection.fetchrow(BEHIND)
    if account is None:
        return False
    did, active = account["did"], account["active"]
    # All that is the account's lies between did/ and did0: 0 is the character behind the slash.
    after, end = account["after"] or f"at://{did}/", f"at://{did}0"
    through = await connection.fetchval(END_OF_CHUNK, after, end, limit - 1)
    turned = await connection.fetch(TURN, after, end, through, active)
    tally.add_links(turned, 1 if active else -1)
    await connection.execute(FOLLOWED, did, active, through)
    await store(connection, tally)
    return True
