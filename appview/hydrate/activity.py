"""What people do, of every kind in one order: everyone, or one account.

Each kind is read along an index of its own, and the kinds are merged as far as a page needs.
Whether a deed is shown is asked of each in turn, and of no more than 2,000: anybody can like what
is not there, as often as he wants to.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from appview.pagination import Order, looked_page, time_cursor
from appview.row import Row
from lexicons.syntax import Did
from migrations.runner import Connection

KINDS = ("track", "like", "comment", "list", "list-add")

# Of the kinds the first five are everyone's, the others one account's: Postgres reads none in vain.
# A deed counts (of several likes of a thing one does), and is done to something that is shown.
_DEEDS = """
select
    deed.*,
    case when deed.kind = 'list-add' then deed.uri end as list_uri,
    shown.*
from (
    select *, row_number() over (order by sort_at desc, name desc) = 2000 as is_last
    from (
        (
            select 'track' as kind, uri as name, uri, did, uri as subject, sort_at
            from track
            where 'track' = any ($1::text[])
            and $4::text is null
            and (sort_at, uri) < ($2, $3)
            order by sort_at desc, uri desc
            limit 2000
        )
        union all
        (
            select 'like', uri, uri, did, subject, made_at
            from link
            where 'like' = any ($1::text[])
            and $4::text is null
            and kind = 'like'
            and counted
            and (made_at, uri) < ($2, $3)
            order by made_at desc, uri desc
            limit 2000
        )
        union all
        (
            select 'comment', uri, uri, did, subject, made_at
            from link
            where 'comment' = any ($1::text[])
            and $4::text is null
            and kind = 'comment'
            and counted
            and (made_at, uri) < ($2, $3)
            order by made_at desc, uri desc
            limit 2000
        )
        union all
        (
            select 'list', uri, uri, did, uri, sort_at
            from list
            where 'list' = any ($1::text[])
            and $4::text is null
            and (sort_at, uri) < ($2, $3)
            order by sort_at desc, uri desc
            limit 2000
        )
        union all
        (
            select 'list-add', uri || ' ' || subject, uri, did, subject, made_at
            from link
            where 'list-add' = any ($1::text[])
            and $4::text is null
            and added
            and counted
            and made_at <= $2
            and (made_at, uri || ' ' || subject) < ($2, $3)
            order by made_at desc, uri || ' ' || subject desc
            limit 2000
        )
        union all
        (
            select 'track', uri, uri, did, uri, sort_at
            from track
            where 'track' = any ($1::text[])
            and did = $4
            and (sort_at, uri) < ($2, $3)
            order by sort_at desc, uri desc
            limit 2000
        )
        union all
        (
            select 'like', uri, uri, did, subject, sort_at
            from "like"
            where 'like' = any ($1::text[])
            and did = $4
            and (sort_at, uri) < ($2, $3)
            order by sort_at desc, uri desc
            limit 2000
        )
        union all
        (
            select 'comment', uri, uri, did, subject, sort_at
            from comment
            where 'comment' = any ($1::text[])
            and did = $4
            and (sort_at, uri) < ($2, $3)
            order by sort_at desc, uri desc
            limit 2000
        )
        union all
        (
            select 'list', uri, uri, did, uri, sort_at
            from list
            where 'list' = any ($1::text[])
            and did = $4
            and (sort_at, uri) < ($2, $3)
            order by sort_at desc, uri desc
            limit 2000
        )
        union all
        (
            select 'list-add', uri || ' ' || subject, uri, did, subject, made_at
            from link
            where 'list-add' = any ($1::text[])
            and did = $4
            and added
            and counted
            and made_at <= $2
            and (made_at, uri || ' ' || subject) < ($2, $3)
            order by made_at desc, uri || ' ' || subject desc
            limit 2000
        )
    ) as every_kind
    order by sort_at desc, name desc
    limit 2000
) as deed
left join lateral (
    select
        true as is_shown,
        record.*,
        actor.handle,
        actor.display_name,
        actor.avatar
    from shown_account as actor
    cross join lateral (
        select created_at, indexed_at, null as text
        from track
        where deed.kind = 'track' and track.uri = deed.uri
        union all
        select created_at, indexed_at, null
        from "like"
        where deed.kind = 'like' and "like".uri = deed.uri
        union all
        select created_at, indexed_at, comment.text
        from comment
        where deed.kind = 'comment' and comment.uri = deed.uri
        union all
        select created_at, indexed_at, null
        from list
        where deed.kind = 'list' and list.uri = deed.uri
        union all
        select
            to_char(deed.sort_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            deed.sort_at,
            null
        where deed.kind = 'list-add'
    ) as record
    where actor.did = deed.did
    and case
        when deed.kind in ('like', 'comment')
        then (select counted from link where link.uri = deed.uri and link.subject = deed.subject)
        when deed.kind in ('list', 'list-add')
        then (
            select list_type is distinct from 'liked'
            from shown_list
            where shown_list.uri = deed.uri
        )
        else true
    end
    and case
        when deed.kind = 'list'
        then true
        when deed.kind = 'like'
        then coalesce(
            (select true from shown_track where shown_track.uri = deed.subject),
            (select true from shown_list where shown_list.uri = deed.subject)
        )
        else (select true from shown_track where shown_track.uri = deed.subject)
    end
    limit 1
) as shown on true
where is_shown or is_last
order by deed.sort_at desc, deed.name desc
limit $5
"""


async def load_activity(
    connection: Connection,
    kinds: Sequence[str],
    start: tuple[datetime, str],
    limit: int,
    actor: Did | None,
) -> tuple[Sequence[Row], str | None]:
    """A page, and the cursor to the next; by everyone, where `actor` is None."""
    rows = await connection.fetch(_DEEDS, kinds, *start, actor, limit + 1)
    return looked_page(rows, limit, partial(time_cursor, order=Order.ACTIVITY, uri="name"))
