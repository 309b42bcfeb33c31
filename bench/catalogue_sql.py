"""The statements of bench/catalogue.py, in their order: each fills a table from those before it."""

SETTINGS = """
select
    set_config('synchronous_commit', 'off', false),
    set_config('work_mem', '400MB', false),
    set_config('temp_buffers', '64MB', false),
    set_config('maintenance_work_mem', '1GB', false),
    set_config('timezone', 'UTC', false),
    set_config('enable_nestloop', 'off', false),
    set_config('jit', 'off', false)
"""

# Tables that are new in the transaction need no WAL.
EMPTY = """
truncate
    account, repo, record, track, track_tag, "like", comment, list, list_item, album, profile,
    bsky_profile, link, subject_count, account_count
"""

INDEXES = """
select
    case
        when conname is null then format('drop index %s', indexrelid::regclass)
        else format('alter table %s drop constraint %I', indrelid::regclass, conname)
    end as away,
    case
        when conname is null then pg_get_indexdef(indexrelid)
        else format(
            'alter table %s add constraint %I %s',
            indrelid::regclass, conname, pg_get_constraintdef(pg_constraint.oid)
        )
    end as back
from pg_index
left join pg_constraint on pg_constraint.conindid = pg_index.indexrelid
where pg_index.indrelid = any (select quote_ident(name)::regclass from unnest($1::text[]) as name)
and indexrelid <> 'list_pkey'::regclass -- views need it
order by pg_index.indexrelid
"""

# chance: from 0 to 1, the same for the same number and salt. cbor_text: as in a record.
FUNCTIONS = """
create function pg_temp.chance(number bigint, salt integer) returns float8 immutable
return (hashint8(number * 64 + salt)::bigint & 2147483647) / 2147483648.0::float8;

create function pg_temp.letters(digits text) returns text immutable
return translate(digits, '0189', 'wxyz');

create function pg_temp.a_did(number bigint) returns text immutable
return 'did:plc:' || pg_temp.letters(substr(md5('person ' || number), 1, 24));

create function pg_temp.a_cid(seed text) returns text immutable
return 'bafyreib' || pg_temp.letters(md5(seed) || substr(md5(seed || '.'), 1, 18)) || 'a';

create function pg_temp.letter(number bigint, place integer) returns text immutable
return substr(
    '234567abcdefghijklmnopqrstuvwxyz', (number >> place * 5 & 31)::integer + 1, 1
);

create function pg_temp.base32(n bigint) returns text immutable
return pg_temp.letter(n, 12) || pg_temp.letter(n, 11) || pg_temp.letter(n, 10)
    || pg_temp.letter(n, 9) || pg_temp.letter(n, 8) || pg_temp.letter(n, 7)
    || pg_temp.letter(n, 6) || pg_temp.letter(n, 5) || pg_temp.letter(n, 4)
    || pg_temp.letter(n, 3) || pg_temp.letter(n, 2) || pg_temp.letter(n, 1)
    || pg_temp.letter(n, 0);

create function pg_temp.a_tid(at timestamptz, clock bigint) returns text immutable
return pg_temp.base32((extract(epoch from at) * 1000000)::bigint << 10 | (clock & 1023));

create function pg_temp.written(at timestamptz) returns text stable
return to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"');

create function pg_temp.cbor_text(said text) returns bytea immutable
return case
    when octet_length(said) < 24 then set_byte('\\x00', 0, 96 + octet_length(said))
    when octet_length(said) < 256 then '\\x78' || set_byte('\\x00', 0, octet_length(said))
    else '\\x79' || int2send(octet_length(said)::smallint)
end || convert_to(said, 'UTF8');

create temp table script as
select script, count(*) as size from word group by script;

analyze script;
"""

PEOPLE = """
create temp table person as
select
    number,
    did,
    script.script,
    number < $2::integer as is_author,
    initcap(case when pg_temp.chance(number, 4) < 0.2 then a.text else a.text || ' ' || b.text end)
        as name,
    regexp_replace(lower(unaccent(a.text)), '[^a-z]', '', 'g') || number || '.example.com'
        as handle
from (
    select
        number,
        pg_temp.a_did(number) as did,
        (array['latin', 'cyrillic', 'kana', 'hangul', 'greek', 'arabic'])[
            width_bucket(pg_temp.chance(number, 5), array[0, 0.78, 0.86, 0.92, 0.95, 0.98])
        ] as script
    from generate_series(0, $1::integer - 1) as number
) as met
join script using (script)
join word as a
    on a.script = script.script and a.place = floor(size * pg_temp.chance(number, 6) ^ 1.5)::integer
join word as b
    on b.script = script.script and b.place = floor(size * pg_temp.chance(number, 7) ^ 1.5)::integer
"""

ACCOUNTS = """
insert into account (did, handle, pds, identity_at, identity_due_at, first_seen_at)
select
    did,
    handle,
    'https://pds' || number % 40 || '.example.com',
    now(),
    now() + interval '1 day',
    '2026-11-22'
from person
order by number
"""

REPOS = """
insert into repo (did, state, rev, data, walked, synced_at)
select
    did,
    'synchronized',
    pg_temp.a_tid('2026-11-22', number),
    '\\x01711220' || sha256(did::bytea),
    array[
        'app.bsky.actor.profile', 'fm.plyr.actor.profile', 'fm.plyr.comment', 'fm.plyr.like',
        'fm.plyr.list', 'fm.plyr.track'
    ],
    '2026-11-22'
from person
"""

BSKY_PROFILES = """
insert into bsky_profile (did, uri, cid, display_name, avatar_cid, indexed_at)
select
    did,
    'at://' || did || '/app.bsky.actor.profile/self',
    pg_temp.a_cid('bsky profile ' || number),
    name,
    pg_temp.a_cid('avatar ' || number),
    '2026-11-22'
from person
where pg_temp.chance(number, 8) < 0.9
"""

PROFILES = """
insert into profile (did, uri, cid, bio, created_at, indexed_at)
select
    did,
    'at://' || did || '/fm.plyr.actor.profile/self',
    pg_temp.a_cid('profile ' || number),
    'I record at night, mostly.',
    '2026-01-01T00:00:00Z',
    '2026-11-22'
from person
where is_author or pg_temp.chance(number, 9) < 0.4
"""

# By rank, an n-th of the likes; by home, who likes it: those who live near.
MADE = """
create temp table made as
select
    *,
    'at://' || did || '/fm.plyr.track/' || rkey as uri,
    pg_temp.a_cid('track ' || number) as cid,
    least($2::bigint / 2, $4::bigint / rank) as likes,
    floor($2::integer * pg_temp.chance(number, 12) ^ 1.5)::bigint as home,
    author * 1000 + row_number() over (partition by author order by number) / 12 as album
from (
    select
        written.number,
        author,
        did,
        script,
        name,
        pg_temp.base32(micros << 10 | (written.number & 1023)) as rkey,
        at,
        written.number * 7919 % $1::bigint + 1 as rank
    from (
        select
            number,
            floor($3::integer * pg_temp.chance(number, 11) ^ 1.5)::bigint as author,
            at,
            (extract(epoch from at) * 1000000)::bigint as micros
        from generate_series(0, $1::bigint - 1) as number
        cross join lateral (
            select timestamptz '2026-11-22' - interval '3 years' * (1 - number::float8 / $1::bigint)
        ) as written (at)
        offset 0
    ) as written
    join person on person.number = author
) as placed
"""

# A title for each track, album and playlist.
TITLES = """
create temp table title as
select
    subject,
    number,
    initcap(
        case
            when pattern < 0.25 then a.text
            when pattern < 0.65 then a.text || ' ' || b.text
            when pattern < 0.75 and script = 'latin' then a.text || ' of ' || b.text
            when pattern < 0.85 then a.text || ' ' || b.text || ' ' || c.text
            when pattern < 0.90 then a.text || ' (live)'
            when pattern < 0.95 then a.text || ' no. ' || number % 100
            else a.text || ' (' || b.text || ' remix)'
        end
    ) as text
from (
    select
        subject,
        number,
        script,
        pg_temp.chance(seed, 1) as pattern,
        floor(size * pg_temp.chance(seed, 2) ^ 3)::integer as first,
        floor(size * pg_temp.chance(seed, 3) ^ 3)::integer as second,
        floor(size * pg_temp.chance(seed, 4) ^ 3)::integer as third
    from (
        select 'track' as subject, number, script, number * 8 as seed from made
        union all
        select distinct 'album', album, script, album * 8 + 1 from made
        union all
        select 'playlist', turn, person.script, turn::bigint * 8 + 2
        from generate_series(1, $1::integer / 20) as turn
        join person
            on person.number = floor($2::integer * pg_temp.chance(turn, 38) ^ 1.5)::integer
    ) as named
    join script using (script)
    offset 0
) as drawn
join word as a using (script)
join word as b using (script)
join word as c using (script)
where a.place = first
  and b.place = second
  and c.place = third
"""

ALBUM_TITLES = "select distinct text from title where subject <> 'track'"

TRACKS = """
insert into track (
    uri, did, rkey, cid, title, artist, album, album_key, description, file_type, duration_ms,
    audio_url, audio_cid, audio_mime, audio_size, image_url, gate_type, features, tags, created_at,
    sort_at, indexed_at
)
select
    uri,
    did,
    rkey,
    cid,
    title.text,
    name,
    album_title.text,
    title_key.key,
    case
        when made.number % 3 = 0
        then repeat('Recorded in one take. ', 1 + (made.number % 8)::integer)
    end,
    'mp3',
    60000 + made.number % 300 * 1000,
    'https://audio.plyr.fm/audio/' || made.number || '.mp3',
    case when made.number % 5 < 3 then pg_temp.a_cid('audio ' || made.number) end,
    'audio/mpeg',
    4000000,
    case when made.number % 5 < 4 then 'https://images.plyr.fm/' || made.number || '.webp' end,
    case when made.number % 100 = 99 then 'any' end,
    case
        when made.number % 20 = 0
        then array[pg_temp.a_did(floor($1::integer * pg_temp.chance(made.number, 14))::bigint)]
        else '{}'
    end,
    array(
        select text
        from generate_series(1, (made.number % 5)::integer) as turn
        join word on script = 'latin'
            and place = floor(60 * pg_temp.chance(made.number, 14 + turn) ^ 2)::integer
        group by text
    ),
    pg_temp.written(at),
    at,
    at
from made
join title on title.subject = 'track' and title.number = made.number
left join title as album_title
    on album_title.subject = 'album'
    and album_title.number = made.album
    and pg_temp.chance(made.album, 13) < 0.7
left join title_key on title_key.text = album_title.text
order by made.number
"""

TRACK_TAGS = """
insert into track_tag (track_uri, tag, sort_at)
select uri, tag, sort_at
from track
cross join unnest(tags) as tag
"""

TRACK_RECORDS = """
insert into record (did, collection, rkey, cid, rev, state, counted, value, seen_at, proven_at)
select
    did,
    'fm.plyr.track',
    rkey,
    cid,
    rkey,
    'valid',
    true,
    '\\xa6652474797065'::bytea || pg_temp.cbor_text('fm.plyr.track')
        || pg_temp.cbor_text('title') || pg_temp.cbor_text(title)
        || pg_temp.cbor_text('artist') || pg_temp.cbor_text(artist)
        || pg_temp.cbor_text('audioUrl') || pg_temp.cbor_text(audio_url)
        || pg_temp.cbor_text('fileType') || pg_temp.cbor_text(file_type)
        || pg_temp.cbor_text('createdAt') || pg_temp.cbor_text(created_at),
    indexed_at,
    indexed_at
from track
"""

# In the order of time, as likes come in. `offset 0` keeps what is used often from being computed
# as often.
GIVEN = """
create temp table given as
select
    'at://' || did || '/fm.plyr.like/' || rkey as uri,
    did,
    rkey,
    pg_temp.a_cid(did || rkey) as cid,
    subject,
    subject_cid,
    at
from (
    select did, pg_temp.base32(micros << 10 | (turn & 1023)) as rkey, subject, subject_cid, at
    from (
        select
            person.did,
            turn,
            made.uri as subject,
            made.cid as subject_cid,
            given.at,
            (extract(epoch from given.at) * 1000000)::bigint as micros
        from made
        cross join generate_series(0, likes - 1) as turn
        join person on person.number = (home + turn * $2::integer) % $1::integer
        cross join lateral (
            select
                made.at + (timestamptz '2026-11-22' - made.at)
                    * pg_temp.chance(made.number * 100003 + turn, 32) ^ 2
        ) as given (at)
        offset 0
    ) as liked
    offset 0
) as liked
order by at
"""

LIKES = """
insert into "like" (
    uri, did, rkey, cid, subject, subject_cid, created_at, sort_at, indexed_at
)
select uri, did, rkey, cid, subject, subject_cid, pg_temp.written(at), at, at
from given
"""

LIKE_RECORDS = """
insert into record (did, collection, rkey, cid, rev, state, counted, value, seen_at, proven_at)
select
    did,
    'fm.plyr.like',
    rkey,
    cid,
    rkey,
    'valid',
    true,
    '\\xa36524747970656c666d2e706c79722e6c696b65677375626a656374a263636964783b'::bytea
        || subject_cid::bytea || '\\x637572697841' || subject::bytea
        || '\\x6963726561746564417474' || pg_temp.written(at)::bytea,
    at,
    at
from given
"""

LIKE_LINKS = """
insert into link (uri, subject, kind, did, counted, made_at)
select uri, subject, 'like', did, true, at
from given
"""

COMMENTS = """
insert into comment (
    uri, did, rkey, cid, subject, subject_cid, text, timestamp_ms, created_at, sort_at, indexed_at
)
select
    'at://' || did || '/fm.plyr.comment/' || rkey,
    did,
    rkey,
    pg_temp.a_cid('comment ' || number),
    subject,
    subject_cid,
    (array['This part!', 'What is that sound?', 'On repeat all week.'])[1 + number % 3],
    number % 180 * 1000,
    pg_temp.written(at),
    at,
    at
from (
    select
        turn as number,
        person.did,
        pg_temp.a_tid(said.at, turn) as rkey,
        made.uri as subject,
        made.cid as subject_cid,
        said.at
    from generate_series(0, $1::integer / 5 - 1) as turn
    join made on made.rank = 1 + floor($1::integer * pg_temp.chance(turn, 33) ^ 3)::bigint
    join person on person.number = floor($2::integer * pg_temp.chance(turn, 34) ^ 1.5)::integer
    cross join lateral (
        select made.at + (timestamptz '2026-11-22' - made.at) * pg_temp.chance(turn, 35)
    ) as said (at)
) as comment
"""

ALBUMS = """
create temp table shelf as
select
    album as number,
    did,
    pg_temp.a_tid(max(at), album) as rkey,
    min(title) as name,
    'album' as list_type,
    max(at) as at
from (
    select made.album, made.did, made.at, track.album as title
    from made
    join track using (uri)
    where track.album is not null
      and pg_temp.chance(made.album, 36) < 0.7
) as member
group by album, did;

create temp table item as
select
    shelf.number as list,
    row_number() over (partition by shelf.number order by made.number) - 1 as position,
    made.uri as subject,
    made.cid as subject_cid
from shelf
join made on made.album = shelf.number;
"""

PLAYLISTS = """
insert into shelf
select
    -turn,
    person.did,
    pg_temp.a_tid(at, turn),
    title.text,
    'playlist',
    at
from generate_series(1, $1::integer / 20) as turn
cross join lateral (
    select timestamptz '2026-11-22' - interval '3 years' * pg_temp.chance(turn, 37)
) as made (at)
join title on title.subject = 'playlist' and title.number = turn
join person on person.number = floor($2::integer * pg_temp.chance(turn, 38) ^ 1.5)::integer
"""

PLAYLIST_ITEMS = """
insert into item
select -turn, position, made.uri, made.cid
from generate_series(1, $1::integer / 20) as turn
cross join generate_series(0, 4 + turn % 26) as position
join made
    on made.rank = 1 + floor($1::integer * pg_temp.chance(turn * 30 + position, 39) ^ 2)::bigint
"""

LISTS = """
insert into list (
    uri, did, rkey, cid, name, list_type, last_name, last_list_type, title_key, item_count,
    created_at, sort_at, indexed_at
)
select
    'at://' || did || '/fm.plyr.list/' || rkey,
    did,
    rkey,
    pg_temp.a_cid('list ' || number),
    name,
    list_type,
    name,
    list_type,
    key,
    size,
    pg_temp.written(at),
    at,
    at
from shelf
join (select list as number, count(*) as size from item group by list) as sizes using (number)
join title_key on title_key.text = name
"""

ITEMS = """
insert into list_item (list_uri, position, subject, subject_cid, sort_at, last_list_type)
select 'at://' || did || '/fm.plyr.list/' || rkey, position, subject, subject_cid, at, list_type
from shelf
join item on item.list = shelf.number
"""

NAMED_ALBUMS = "insert into album select distinct did, title_key from named_album"

# What stands in these blocks nobody asks here: an empty map.
OTHER_RECORDS = """
insert into record (did, collection, rkey, cid, rev, state, counted, value, seen_at, proven_at)
select
    did, split_part(uri, '/', 4), rkey, cid, pg_temp.a_tid(at, 0), 'valid', true, '\\xa0', at, at
from (
    select did, uri, rkey, cid, indexed_at as at from comment
    union all
    select did, uri, rkey, cid, indexed_at from list
    union all
    select did, uri, 'self', cid, indexed_at from profile
    union all
    select did, uri, 'self', cid, indexed_at from bsky_profile
) as other
"""

# A list grows until today.
OTHER_LINKS = """
insert into link (uri, subject, kind, did, counted, made_at, added)
select uri, subject, 'comment', did, true, sort_at, false
from comment
union all
select
    list_uri,
    subject,
    'list',
    split_part(list_uri, '/', 3),
    true,
    min(sort_at) + (timestamptz '2026-11-22' - min(sort_at)) * (min(position) / 30.0),
    min(position) > 0
from list_item
group by list_uri, subject
"""

SUBJECT_COUNTS = """
insert into subject_count (subject, likes, comments, in_lists)
select
    subject,
    count(*) filter (where kind = 'like'),
    count(*) filter (where kind = 'comment'),
    count(*) filter (where kind = 'list')
from link
group by subject
"""

ACCOUNT_COUNTS = """
insert into account_count (did, tracks, lists, likes_given, likes_received)
select did, sum(tracks), sum(lists), sum(likes_given), sum(likes_received)
from (
    select did, 1 as tracks, 0 as lists, 0 as likes_given, 0 as likes_received from track
    union all
    select did, 0, 1, 0, 0 from list
    union all
    select did, 0, 0, count(*), 0 from given group by did
    union all
    select split_part(subject, '/', 3), 0, 0, 0, likes from subject_count
) as counted
group by did
"""

# The counts without the likes that they are of.
LIKES_MADE = """
insert into subject_count (subject, likes) select uri, likes from made where likes > 0
"""

LIKES_RECEIVED = """
insert into account_count (did, tracks, likes_received)
select did, count(*), sum(likes) from made group by did
"""
