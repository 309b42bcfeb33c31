"""The counts, added up anew and held against what they should be.

Left to themselves counts only move by what changes; here a mistake of theirs would show.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import asyncpg

from indexer.differences import Difference, Kind
from indexer.records.list import LIST
from indexer.records.record_type import RecordTypes
from indexer.records.track import TRACK
from lexicons.syntax import Did
from migrations.runner import Connection

WHOLE_TABLES_SECONDS = 3_600.0
SUBJECT_COUNTS = ("likes", "comments", "in_lists")
ACCOUNT_COUNTS = ("tracks", "lists", "likes_given", "likes_received")

SUBJECTS = """
select
    subject,
    coalesce(held.likes, 0) as held_likes,
    coalesce(held.comments, 0) as held_comments,
    coalesce(held.in_lists, 0) as held_in_lists,
    coalesce(added.likes, 0) as likes,
    coalesce(added.comments, 0) as comments,
    coalesce(added.in_lists, 0) as in_lists
from (
    select * from subject_count where subject >= $1 and subject < $2
) as held
full join (
    select
        subject,
        count(*) filter (where kind = 'like') as likes,
        count(*) filter (where kind = 'comment') as comments,
        count(*) filter (where kind = 'list') as in_lists
    from (
        select subject, kind from link where $3 and counted
        union all
        select subject, kind from subject_link where not $3 and counted
    ) as counted_link
    where subject >= $1 and subject < $2
    group by subject
) as added using (subject)
where (coalesce(held.likes, 0), coalesce(held.comments, 0), coalesce(held.in_lists, 0))
    <> (coalesce(added.likes, 0), coalesce(added.comments, 0), coalesce(added.in_lists, 0))
order by subject
"""

OF_SUBJECTS = """
select
    subject,
    coalesce(held.likes, 0) as held_likes,
    coalesce(held.comments, 0) as held_comments,
    coalesce(held.in_lists, 0) as held_in_lists,
    added.likes,
    added.comments,
    added.in_lists
from unnest($1::text[]) as asked (subject)
left join subject_count as held using (subject)
cross join lateral (
    select
        count(*) filter (where kind = 'like') as likes,
        count(*) filter (where kind = 'comment') as comments,
        count(*) filter (where kind = 'list') as in_lists
    from subject_link
    where subject_link.subject = asked.subject
      and subject_link.counted
) as added
where (coalesce(held.likes, 0), coalesce(held.comments, 0), coalesce(held.in_lists, 0))
    <> (added.likes, added.comments, added.in_lists)
"""

# Received by the author of a track, whose URI has four slashes, not more.
ACCOUNTS = """
select
    did,
    coalesce(held.tracks, 0) as held_tracks,
    coalesce(held.lists, 0) as held_lists,
    coalesce(held.likes_given, 0) as held_likes_given,
    coalesce(held.likes_received, 0) as held_likes_received,
    coalesce(added.tracks, 0) as tracks,
    coalesce(added.lists, 0) as lists,
    coalesce(added.likes_given, 0) as likes_given,
    coalesce(added.likes_received, 0) as likes_received
from (
    select * from account_count where did >= $3 and did <= $4
) as held
full join (
    select
        did,
        sum(tracks)::bigint as tracks,
        sum(lists)::bigint as lists,
        sum(likes_given)::bigint as likes_given,
        sum(likes_received)::bigint as likes_received
    from (
        select
            did,
            count(*) filter (where collection = $5) as tracks,
            count(*) filter (where collection = $6) as lists,
            0 as likes_given,
            0 as likes_received
        from record
        where counted and did >= $3 and did <= $4
        group by did
        union all
        select did, 0, 0, count(*), 0
        from link
        where counted and kind = 'like' and did >= $3 and did <= $4
        group by did
        union all
        select split_part(subject, '/', 3), 0, 0, 0, count(*)
        from (
            select subject, kind from link where $7 and counted
            union all
            select subject, kind from subject_link where not $7 and counted
        ) as counted_link
        where kind = 'like'
          and subject >= $1
          and subject < $2
          and subject like 'at://did:%'
          and subject not like '%/%/%/%/%/%'
          and split_part(subject, '/', 4) = $5
        group by split_part(subject, '/', 3)
    ) as parts
    group by did
) as added using (did)
where (
    coalesce(held.tracks, 0), coalesce(held.lists, 0),
    coalesce(held.likes_given, 0), coalesce(held.likes_received, 0)
) <> (
    coalesce(added.tracks, 0), coalesce(added.lists, 0),
    coalesce(added.likes_given, 0), coalesce(added.likes_received, 0)
)
order by did
"""


@dataclass(frozen=True, slots=True)
class Names:
    """The collections whose records accounts have counts of."""

    tracks: str
    lists: str

    @classmethod
    def of(cls, record_types: RecordTypes) -> "Names":
        by_kind = {kind.name: nsid for nsid, kind in record_types.items()}
        return cls(by_kind[TRACK.name], by_kind[LIST.name])


@dataclass(frozen=True, slots=True)
class Range:
    """One account, or all of them: from where to where in the order of keys.

    All links are read as they lie; those to one account's records have no index but the view's.
    """

    is_everything: bool = True
    first_subject: str = ""
    end_of_subjects: str = "~"
    first_did: str = ""
    last_did: str = "~"

    @classmethod
    def of(cls, did: Did) -> "Range":
        # What lies under a DID lies between did/ and did0: 0 is the character behind the slash.
        return cls(False, f"at://{did}/", f"at://{did}0", did, did)


EVERYTHING = Range()


async def count_differences(
    connection: Connection, within: Range, names: Names
) -> list[Difference]:
    subjects = await connection.fetch(
        SUBJECTS,
        within.first_subject,
        within.end_of_subjects,
        within.is_everything,
        timeout=WHOLE_TABLES_SECONDS,
    )
    accounts = await miscounted_accounts(connection, within, names)
    found = [each for row in subjects for each in _compared(row, row["subject"], SUBJECT_COUNTS)]
    return found + [each for row in accounts for each in _compared(row, row["did"], ACCOUNT_COUNTS)]


def _compared(row: asyncpg.Record, subject: str, counts: Sequence[str]) -> Iterator[Difference]:
    authority = Did(subject.removeprefix("at://").partition("/")[0])
    for name in counts:
        held, right = row[f"held_{name}"], row[name]
        if held != right:
            words = f"{name.replace('_', ' ')} {held}", str(right)
            yield Difference(authority, Kind.COUNT, subject, *words)


async def miscounted_accounts(
    connection: Connection, within: Range, names: Names
) -> Sequence[asyncpg.Record]:
    return await connection.fetch(
        ACCOUNTS,
        within.first_subject,
        within.end_of_subjects,
        within.first_did,
        within.last_did,
        names.tracks,
        names.lists,
        within.is_everything,
        timeout=WHOLE_TABLES_SECONDS,
    )
