"""What people do, of every kind in one order: a statement for everyone, one for one account.

Each kind is read along an index of its own. Whether its actor and its subject are shown is asked
of each deed in turn, lest the planner look them all up at once.
"""

from collections.abc import Sequence
from datetime import datetime

from appview.pagination import Row
from lexicons.syntax import Did
from migrations.runner import Connection

KINDS = ("track", "like", "comment", "list", "list-add")

EVERYONES = """
select
    page.*,
    actor.did,
    actor.handle,
    actor.display_name,
    actor.avatar
from (
    (
        select
            'track' as kind,
            track.uri as name,
            track.uri,
            track.did as actor_did,
            track.uri as subject,
            null::text as list_uri,
            null::text as text,
            track.created_at,
            track.sort_at,
            track.indexed_at
        from track
        where 'track' = any ($1::text[])
        and (track.sort_at, track.uri) < ($2, $3)
        and (select true from shown_track where shown_track.uri = track.uri)
        order by track.sort_at desc, track.uri desc
        limit 101
    )
    union all
    (
        select
            'like', link.uri, link.uri, link.did, link.subject, null, null,
            "like".created_at, link.made_at, "like".indexed_at
        from link
        join "like" on "like".uri = link.uri
        where 'like' = any ($1::text[])
        and link.kind = 'like'
        and link.counted
        and (link.made_at, link.uri) < ($2, $3)
        and (select active from account where account.did = link.did)
        and coalesce(
            (select true from shown_track where shown_track.uri = link.subject),
            (select true from shown_list where shown_list.uri = link.subject)
        )
        order by link.made_at desc, link.uri desc
        limit 101
    )
    union all
    (
        select
            'comment', link.uri, link.uri, link.did, link.subject, null, comment.text,
            comment.created_at, link.made_at, comment.indexed_at
        from link
        join comment on comment.uri = link.uri
        where 'comment' = any ($1::text[])
        and link.kind = 'comment'
        and link.counted
        and (link.made_at, link.uri) < ($2, $3)
        and (select active from account where account.did = link.did)
        and (select true from shown_track where shown_track.uri = link.subject)
        order by link.made_at desc, link.uri desc
        limit 101
    )
    union all
    (
        select
            'list', list.uri, list.uri, list.did, list.uri, null, null,
            list.created_at, list.sort_at, list.indexed_at
        from list
        where 'list' = any ($1::text[])
        and (list.sort_at, list.uri) < ($2, $3)
        and coalesce(list.list_type, list.last_list_type) is distinct from 'liked'
        and (select true from shown_list where shown_list.uri = list.uri)
        order by list.sort_at desc, list.uri desc
        limit 101
    )
    union all
    (
        select
            'list-add', link.uri || ' ' || link.subject, link.uri, link.did, link.subject,
            link.uri, null,
            to_char(link.made_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            link.made_at, link.made_at
        from link
        where 'list-add' = any ($1::text[])
        and link.added
        and link.counted
        and link.made_at <= $2
        and (link.made_at, link.uri || ' ' || link.subject) < ($2, $3)
        and (
            select list_type is distinct from 'liked'
            from shown_list
            where shown_list.uri = link.uri
        )
        and (select true from shown_track where shown_track.uri = link.subject)
        order by link.made_at desc, link.uri || ' ' || link.subject desc
        limit 101
    )
) as page
join shown_account as actor on actor.did = page.actor_did
order by page.sort_at desc, page.name desc
limit $4
"""

OF_ONE = """
select
    page.*,
    actor.did,
    actor.handle,
    actor.display_name,
    actor.avatar
from (
    (
        select
            'track' as kind,
            track.uri as name,
            track.uri,
            track.uri as subject,
            null::text as list_uri,
            null::text as text,
            track.created_at,
            track.sort_at,
            track.indexed_at
        from track
        where 'track' = any ($1::text[])
        and track.did = $4
        and (track.sort_at, track.uri) < ($2, $3)
        and (select true from shown_track where shown_track.uri = track.uri)
        order by track.sort_at desc, track.uri desc
        limit 101
    )
    union all
    (
        select
            'like', "like".uri, "like".uri, "like".subject, null, null,
            "like".created_at, "like".sort_at, "like".indexed_at
        from "like"
        where 'like' = any ($1::text[])
        and "like".did = $4
        and ("like".sort_at, "like".uri) < ($2, $3)
        and (
            select link.counted
            from link
            where link.uri = "like".uri
            and link.subject = "like".subject
        )
        and coalesce(
            (select true from shown_track where shown_track.uri = "like".subject),
            (select true from shown_list where shown_list.uri = "like".subject)
        )
        order by "like".sort_at desc, "like".uri desc
        limit 101
    )
    union all
    (
        select
            'comment', comment.uri, comment.uri, comment.subject, null, comment.text,
            comment.created_at, comment.sort_at, comment.indexed_at
        from comment
        where 'comment' = any ($1::text[])
        and comment.did = $4
        and (comment.sort_at, comment.uri) < ($2, $3)
        and (
            select link.counted
            from link
            where link.uri = comment.uri
            and link.subject = comment.subject
        )
        and (select true from shown_track where shown_track.uri = comment.subject)
        order by comment.sort_at desc, comment.uri desc
        limit 101
    )
    union all
    (
        select
            'list', list.uri, list.uri, list.uri, null, null,
            list.created_at, list.sort_at, list.indexed_at
        from list
        where 'list' = any ($1::text[])
        and list.did = $4
        and (list.sort_at, list.uri) < ($2, $3)
        and coalesce(list.list_type, list.last_list_type) is distinct from 'liked'
        and (select true from shown_list where shown_list.uri = list.uri)
        order by list.sort_at desc, list.uri desc
        limit 101
    )
    union all
    (
        select
            'list-add', link.uri || ' ' || link.subject, link.uri, link.subject, link.uri, null,
            to_char(link.made_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            link.made_at, link.made_at
        from link
        where 'list-add' = any ($1::text[])
        and link.did = $4
        and link.added
        and link.counted
        and link.made_at <= $2
        and (link.made_at, link.uri || ' ' || link.subject) < ($2, $3)
        and (
            select list_type is distinct from 'liked'
            from shown_list
            where shown_list.uri = link.uri
        )
        and (select true from shown_track where shown_track.uri = link.subject)
        order by link.made_at desc, link.uri || ' ' || link.subject desc
        limit 101
    )
) as page
join shown_account as actor on actor.did = $4
order by page.sort_at desc, page.name desc
limit $5
"""


async def load_activity(
    connection: Connection,
    kinds: Sequence[str],
    start: tuple[datetime, str],
    limit: int,
    actor: Did | None,
) -> Sequence[Row]:
    """By everyone, where `actor` is None."""
    if actor is None:
        return await connection.fetch(EVERYONES, kinds, *start, limit)
    return await connection.fetch(OF_ONE, kinds, *start, actor, limit)
