"""What those who like a track like besides, kept for each track with likes; docs/ranking.md.

A sweep goes through all subjects in their order and looks at those whose likes have changed by a
tenth since they were last looked at, so it costs as much as has changed.
"""

from migrations.runner import Connection

KEPT = 20
BATCH = 500

DUE = """
select subject_count.subject, subject_count.likes
from subject_count
left join derived.related on related.uri = subject_count.subject
where subject_count.subject > $1
  and (subject_count.likes >= 2 or related.uri is not null)
  and (
      related.uri is null
      or abs(subject_count.likes - related.likes_then) >= greatest(1, related.likes_then / 10)
  )
  and exists (select from track where track.uri = subject_count.subject)
order by subject_count.subject
limit $2
"""

# Of those who like the track and of what each of them likes the newest hundred are read. A
# listener who likes everything says little, and so does a track that everybody likes.
RELATE = """
insert into derived.related (uri, tracks, likes_then)
select
    seed.uri,
    array(
        select near.uri
        from (
            select
                shared.subject as uri,
                shared.voices / sqrt(coalesce(subject_count.likes, 0) + 10) as nearness,
                row_number() over (
                    partition by track.did
                    order by shared.voices / sqrt(coalesce(subject_count.likes, 0) + 10) desc,
                        shared.subject
                ) as nth
            from (
                select liked.subject, sum(1 / ln(exp(1) + fan.likes_given)) as voices
                from (
                    select newest.did, coalesce(account_count.likes_given, 0) as likes_given
                    from (
                        select distinct did
                        from (
                            select did
                            from "like"
                            where subject = seed.uri
                            order by sort_at desc, uri desc
                            limit 100
                        ) as hundred
                    ) as newest
                    join account on account.did = newest.did and account.active
                    left join account_count on account_count.did = newest.did
                    where newest.did <> split_part(seed.uri, '/', 3)
                ) as fan
                cross join lateral (
                    select distinct subject
                    from (
                        select subject
                        from "like"
                        where "like".did = fan.did
                        order by sort_at desc, uri desc
                        limit 100
                    ) as hundred
                ) as liked
                where liked.subject <> seed.uri
                  and split_part(liked.subject, '/', 3) <> fan.did
                group by liked.subject
                having count(*) >= 2
            ) as shared
            join track on track.uri = shared.subject
            left join subject_count on subject_count.subject = shared.subject
        ) as near
        where near.nth <= 3
        order by near.nearness desc, near.uri
        limit $3
    ),
    seed.likes
from unnest($1::text[], $2::bigint[]) as seed (uri, likes)
on conflict (uri) do update
set tracks = excluded.tracks, likes_then = excluded.likes_then
"""

FORGET = """
delete from derived.related
where not exists (select from track where track.uri = related.uri)
"""


async def relate_some(connection: Connection, after: str) -> str | None:
    """Look at the next tracks that are due behind that URI; None at the end of the sweep."""
    due = await connection.fetch(DUE, after, BATCH)
    if due:
        subjects = [row["subject"] for row in due]
        await connection.execute(RELATE, subjects, [row["likes"] for row in due], KEPT)
    if len(due) == BATCH:
        return str(due[-1]["subject"])
    await connection.execute(FORGET)
    return None
