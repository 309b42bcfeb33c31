"""A database as it may look in a few years: many tracks by some hundred authors, with counts."""

import asyncpg

# Every identifier is well-formed, so that answers can be held to their lexicon.
_IDENTIFIERS = """
create function pg_temp.letters(digits text) returns text immutable
return translate(digits, '0189', 'wxyz');

create function pg_temp.author(number integer) returns text immutable
return 'did:plc:' || pg_temp.letters(substr(md5('author ' || number), 1, 24));

create function pg_temp.a_cid(seed text) returns text immutable
return 'bafyreib' || pg_temp.letters(md5(seed) || substr(md5(seed || '.'), 1, 18)) || 'a';

create function pg_temp.a_tid(number integer) returns text immutable
return '3m' || pg_temp.letters(lpad(to_hex(number), 11, '0'));
"""

_ACCOUNTS = """
insert into account (did, handle, pds, identity_at, identity_due_at)
select
    pg_temp.author(number),
    'author' || number || '.example.com',
    'https://pds.example.com',
    now(),
    now() + interval '1 day'
from generate_series(1, $1) as number
"""

_BSKY_PROFILES = """
insert into bsky_profile (did, uri, cid, display_name, avatar_cid, indexed_at)
select
    did,
    'at://' || did || '/app.bsky.actor.profile/self',
    pg_temp.a_cid('profile ' || did),
    initcap(split_part(handle, '.', 1)),
    pg_temp.a_cid('avatar ' || did),
    now()
from account
"""

_PROFILES = """
insert into profile (did, uri, cid, bio, created_at, indexed_at)
select
    did,
    'at://' || did || '/fm.plyr.actor.profile/self',
    pg_temp.a_cid('plyr ' || did),
    'I record at night, mostly.',
    '2026-01-01T00:00:00Z',
    now()
from account
where ascii(right(did, 1)) % 2 = 0
"""

_TRACKS = """
insert into track (
    uri, did, rkey, cid, title, artist, album, description, file_type, duration_ms, audio_url,
    audio_cid, audio_mime, audio_size, image_url, features, tags, created_at, sort_at, indexed_at
)
select
    'at://' || did || '/fm.plyr.track/' || pg_temp.a_tid(number),
    did,
    pg_temp.a_tid(number),
    pg_temp.a_cid('track ' || number),
    'Study no. ' || number || ' for tape and voice',
    initcap(split_part(handle, '.', 1)),
    case when number % 2 = 0 then 'Studies, book ' || number % 9 end,
    case when number % 3 = 0 then repeat('Recorded in one take. ', 1 + number % 8) end,
    'mp3',
    60000 + number % 300 * 1000,
    'https://audio.plyr.fm/audio/' || number || '.mp3',
    case when number % 5 < 3 then pg_temp.a_cid('audio ' || number) end,
    'audio/mpeg',
    4000000,
    case when number % 5 < 4 then 'https://images.plyr.fm/' || number || '.webp' end,
    case when number % 20 = 0 then array[pg_temp.author(number / 20 % $2 + 1)] else '{}' end,
    (array['ambient', 'tape', 'loops', 'live'])[1 : number % 4],
    to_char(sort_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    sort_at,
    sort_at
from generate_series(1, $1) as number
cross join lateral (select timestamptz '2026-11-01' - number * interval '5 minutes') as at (sort_at)
join account on account.did = pg_temp.author(abs(hashint4(number) % $2) + 1)
"""

_COUNTS = """
insert into subject_count (subject, likes, comments, in_lists)
select uri, abs(hashtext(uri)) % 400, abs(hashtext(uri)) % 30, abs(hashtext(uri)) % 12
from track
where abs(hashtext(uri)) % 10 < 7
"""


async def fill(url: str, tracks: int, authors: int) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(_IDENTIFIERS)
    await connection.execute(_ACCOUNTS, authors)
    await connection.execute(_BSKY_PROFILES)
    await connection.execute(_PROFILES)
    await connection.execute(_TRACKS, tracks, authors)
    await connection.execute(_COUNTS)
    assert await connection.fetchval("select count(*) from shown_track") == tracks
    await connection.execute("vacuum analyze")
    await connection.close()
