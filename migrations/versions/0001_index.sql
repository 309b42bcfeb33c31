create extension if not exists pg_trgm;
create extension if not exists unaccent;

-- Keys and cursors compare as bytes, whatever the cluster's locale: collate "C".

-- Everyone we have met: who they are, as last proven, and whether their host serves them.
create table account (
    did              text collate "C" primary key,
    handle           text collate "C",
    pds              text,
    signing_key      text,
    identity_at      timestamptz,
    upstream_status  text not null default 'active',
    upstream_active  boolean not null default true,
    taken_down       boolean not null default false,
    hidden_parts     text[] collate "C",
    active           boolean not null generated always as (upstream_active and not taken_down) stored,
    counted_active   boolean not null default true,
    recount_after    text collate "C",
    identity_due_at  timestamptz not null default now(),
    identity_failures integer not null default 0,
    status_due_at    timestamptz,
    status_failures  integer not null default 0,
    purged_at        timestamptz,
    first_seen_at    timestamptz not null default now()
);
comment on column account.handle is 'proven both ways; null shows as handle.invalid';
comment on column account.pds is 'origin of #atproto_pds in the DID document';
comment on column account.signing_key is 'multikey of #atproto in the DID document';
comment on column account.identity_at is 'last successful resolution; null: never or no longer trusted';
comment on column account.upstream_status is 'active, deactivated, suspended, takendown, deleted, or the host''s own word';
comment on column account.upstream_active is 'upstream lets it be shown';
comment on column account.taken_down is 'local.takedown names it; upstream has no say in this';
comment on column account.hidden_parts is 'CIDs of its blobs and URIs of its profiles that local.takedown names';
comment on column account.active is 'what this account wrote is shown';
comment on column account.counted_active is 'the value of active that the counters have followed, or are following';
comment on column account.recount_after is 'the link.uri up to which they have; null: all the way';
comment on column account.identity_due_at is 'when to resolve the DID and prove the handle again';
comment on column account.status_due_at is 'when to ask the PDS whether it serves the account; null: no doubt';
comment on column account.purged_at is 'when the last of what it wrote was erased; null: not since its status was last told';
create unique index account_handle on account (handle);
create index account_identity_due on account (identity_due_at);
create index account_status_due on account (status_due_at) where status_due_at is not null;
create index account_recount on account (did) where active <> counted_active or recount_after is not null;
create index account_taken_down on account (did) where taken_down or hidden_parts is not null;
create index account_purge on account (did)
    where upstream_status = 'deleted' and not upstream_active and status_due_at is null and purged_at is null;

-- How far each repository is proven.
create table repo (
    did        text collate "C" primary key,
    state      text not null default 'desynchronized',
    rev        text collate "C",
    data       bytea,
    walked     text[] not null default '{}',
    reason     text,
    attempts   integer not null default 0,
    due_at     timestamptz not null default now(),
    synced_at  timestamptz
);
comment on column repo.state is 'desynchronized, resyncing, synchronized, waiting, gone';
comment on column repo.rev is 'of the newest commit in the proven chain';
comment on column repo.data is 'CID of that commit''s MST root';
comment on column repo.walked is 'collections that a walk has covered';
create index repo_due on repo (due_at) where state in ('desynchronized', 'waiting');

-- Frames whose verdict has to wait, in the order they came.
create table repo_queue (
    did        text collate "C" not null,
    seq        bigint not null,
    rev        text collate "C" not null,
    frame      bytea not null,
    reason     text not null,
    queued_at  timestamptz not null default now(),
    primary key (did, seq)
);

-- Repos that somebody asked to be checked; an answered request stays for a day.
create table repo_request (
    did           text collate "C" primary key,
    in_full       boolean not null,
    requested_at  timestamptz not null default now(),
    taken_at      timestamptz,
    outcome       text
);
comment on column repo_request.in_full is 'nothing that the tables say is believed: walked at an equal rev too, and counted anew';
comment on column repo_request.taken_at is 'when the indexer turned to it';
comment on column repo_request.outcome is 'walk: one is due, repo says how it goes; walked; nothing-here; else why it could not be asked';
create index repo_request_open on repo_request (requested_at) where taken_at is null;

create table relay_cursor (
    host         text primary key,
    seq          bigint,
    event_at     timestamptz,
    connected    boolean not null default false,
    error        text,
    received_at  timestamptz,
    updated_at   timestamptz not null default now()
);
comment on column relay_cursor.event_at is 'the time that the event at seq claims for itself';

create table relay_gap (
    id           bigint generated always as identity primary key,
    host         text not null,
    after_seq    bigint,
    before_seq   bigint,
    reason       text not null,
    recorded_at  timestamptz not null default now(),
    closed_at    timestamptz
);

create table discovery (
    source       text not null,
    collection   text not null,
    cursor       text,
    found        bigint not null default 0,
    finished_at  timestamptz,
    updated_at   timestamptz not null default now(),
    primary key (source, collection)
);

-- Every record of our collections that was ever proven, deleted ones (cid null) as tombstones.
create table record (
    did         text collate "C" not null,
    collection  text collate "C" not null,
    rkey        text collate "C" not null,
    cid         text collate "C",
    rev         text collate "C" not null,
    state       text not null,
    counted     boolean not null default false,
    reason      text,
    detail      text,
    value       bytea,
    seen_at     timestamptz not null default now(),
    proven_at   timestamptz not null default now(),
    primary key (did, collection, rkey)
);
comment on column record.state is 'valid, invalid (quarantined: reason, detail), deleted';
comment on column record.counted is 'valid and not taken down, in step with its links and counts';
comment on column record.reason is 'why it is invalid; of a deleted one: purged, where not its author deleted it';
comment on column record.value is 'the DAG-CBOR block as its author signed it; null when deleted';
comment on column record.rev is 'of the commit that last touched the record; an older rev loses';
create index record_quarantined on record (proven_at) where state = 'invalid';
create index record_uncounted on record (did, collection, rkey) where state = 'valid' and not counted;

create table track (
    uri           text collate "C" primary key,
    did           text collate "C" not null,
    rkey          text collate "C" not null,
    cid           text collate "C" not null,
    title         text not null,
    artist        text not null,
    album         text,
    description   text,
    file_type     text not null,
    duration_ms   bigint,
    audio_url     text,
    audio_cid     text,
    audio_mime    text,
    audio_size    bigint,
    image_url     text,
    gate_type     text,
    features      text[] not null default '{}',
    tags          text[] not null default '{}',
    self_labels   text[] not null default '{}',
    created_at    text not null,
    sort_at       timestamptz not null,
    indexed_at    timestamptz not null
);
comment on column track.created_at is 'as the author wrote it';
comment on column track.sort_at is 'the lesser of the rkey''s TID and the first sight; never moves';
create index track_latest on track (sort_at desc, uri desc);
create index track_by_author on track (did, sort_at desc, uri desc);
create index track_by_feature on track using gin (features) where features <> '{}';

create table "like" (
    uri          text collate "C" primary key,
    did          text collate "C" not null,
    rkey         text collate "C" not null,
    cid          text collate "C" not null,
    subject      text collate "C" not null,
    subject_cid  text not null,
    created_at   text not null,
    sort_at      timestamptz not null,
    indexed_at   timestamptz not null
);
create index like_by_subject on "like" (subject, sort_at desc, uri desc);
create index like_by_author on "like" (did, sort_at desc, uri desc);

create table comment (
    uri           text collate "C" primary key,
    did           text collate "C" not null,
    rkey          text collate "C" not null,
    cid           text collate "C" not null,
    subject       text collate "C" not null,
    subject_cid   text not null,
    text          text not null,
    timestamp_ms  bigint not null,
    created_at    text not null,
    updated_at    text,
    sort_at       timestamptz not null,
    indexed_at    timestamptz not null
);
create index comment_by_timestamp on comment (subject, timestamp_ms, uri);
create index comment_by_time on comment (subject, sort_at desc, uri desc);
create index comment_by_author on comment (did);

create table list (
    uri             text collate "C" primary key,
    did             text collate "C" not null,
    rkey            text collate "C" not null,
    cid             text collate "C" not null,
    name            text,
    list_type       text,
    last_name       text,
    last_list_type  text,
    item_count      integer not null,
    created_at      text not null,
    updated_at      text,
    sort_at         timestamptz not null,
    indexed_at      timestamptz not null
);
comment on column list.last_name is 'the newest name the list ever had: what is shown when a rewrite dropped it';
create index list_by_author on list (did, sort_at desc, uri desc);

create table list_item (
    list_uri     text collate "C" not null,
    position     integer not null,
    subject      text collate "C" not null,
    subject_cid  text not null,
    primary key (list_uri, position)
);
create index list_item_by_subject on list_item (subject, list_uri);

create table profile (
    did         text collate "C" primary key,
    uri         text collate "C" not null,
    cid         text collate "C" not null,
    bio         text,
    avatar      text,
    created_at  text not null,
    updated_at  text,
    indexed_at  timestamptz not null
);

create table bsky_profile (
    did           text collate "C" primary key,
    uri           text collate "C" not null,
    cid           text collate "C" not null,
    display_name  text,
    avatar_cid    text,
    indexed_at    timestamptz not null
);

-- Who points at what. Of one account's several likes of a subject one is counted;
-- nothing of an inactive account is.
create table link (
    uri      text collate "C" not null,
    subject  text collate "C" not null,
    kind     text not null,
    did      text collate "C" not null,
    counted  boolean not null default false,
    primary key (uri, subject)
);
comment on column link.kind is 'like, comment, list';
create index link_by_subject on link (subject, kind, did, uri);
create index link_by_author on link (did, uri);
create unique index link_one_like on link (subject, did) where kind = 'like' and counted;

create table subject_count (
    subject   text collate "C" primary key,
    likes     bigint not null default 0,
    comments  bigint not null default 0,
    in_lists  bigint not null default 0
);

create table account_count (
    did             text collate "C" primary key,
    tracks          bigint not null default 0,
    lists           bigint not null default 0,
    likes_given     bigint not null default 0,
    likes_received  bigint not null default 0
);

-- What the network cannot give back: moderation and its trail.
create schema local;
create table local.takedown (
    subject     text collate "C" primary key,
    reason      text,
    created_at  timestamptz not null default now()
);
comment on table local.takedown is 'hidden whatever upstream says';
comment on column local.takedown.subject is 'an account: did; a record: at-uri; a blob: did/cid';

create table local.action (
    id       bigint generated always as identity primary key,
    at       timestamptz not null default now(),
    actor    text not null,
    act      text not null,
    subject  text collate "C" not null,
    reason   text
);
comment on table local.action is 'the trail of moderation; only ever added to';
comment on column local.action.act is 'takedown, restore';

-- What subscribers are told. Whoever changes the index puts events into the outbox, in the same
-- transaction; the indexer moves them on after the commit and numbers them on the way, so no
-- number ever becomes visible behind a higher one. Records are named here and held in `record`.
create schema stream;
create table stream.outbox (
    id          bigint generated always as identity primary key,
    at          timestamptz not null default now(),
    kind        text not null,
    did         text collate "C" not null,
    collection  text collate "C",
    rkey        text collate "C",
    rev         text collate "C",
    cid         text collate "C",
    action      text,
    reason      text,
    live        boolean,
    active      boolean,
    status      text,
    handle      text
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
comment on column stream.outbox.id is 'the order of one transaction; not that of commits';

create table stream.event (
    seq         bigint primary key,
    at          timestamptz not null,
    kind        text not null,
    did         text collate "C" not null,
    collection  text collate "C",
    rkey        text collate "C",
    rev         text collate "C",
    cid         text collate "C",
    action      text,
    reason      text,
    live        boolean,
    active      boolean,
    status      text,
    handle      text
);
comment on column stream.event.seq is 'from Unix microseconds upward; committed in this order';
comment on column stream.event.kind is 'record, account, identity';
comment on column stream.event.action is 'of a record: create, update, delete; as far as it is shown here';
comment on column stream.event.reason is 'of a delete: deleted, invalid, taken-down';
comment on column stream.event.live is 'of a record: told by the stream of its host, not found by a walk';

create table stream.state (
    one          boolean primary key default true check (one),
    last_seq     bigint not null,
    trimmed_seq  bigint not null,
    events       bigint not null default 0,
    started_at   timestamptz not null default now(),
    filled_at    timestamptz
);
comment on column stream.state.last_seq is 'the highest number ever given; whoever numbers locks this row';
comment on column stream.state.trimmed_seq is 'events up to it are gone';
comment on column stream.state.events is 'how many rows stream.event has';
comment on column stream.state.filled_at is 'when the first walks had all been tried; before it they tell nothing';
insert into stream.state (last_seq, trimmed_seq)
select micros, micros
from (select (extract(epoch from clock_timestamp()) * 1000000)::bigint as micros) as start;

-- A trigger, because accounts are changed from several places, identities by xrpc among them.
create function stream.tell_account() returns trigger language plpgsql as $$
declare
    was text := case
        when old.taken_down then 'takendown'
        when not old.upstream_active then old.upstream_status
    end;
    becomes text := case
        when new.taken_down then 'takendown'
        when not new.upstream_active then new.upstream_status
    end;
begin
    if becomes is distinct from was then
        insert into stream.outbox (kind, did, active, status)
        values ('account', new.did, becomes is null, becomes);
    end if;
    -- While the index is filled for the first time, nobody has to hear whom we meet.
    if new.handle is distinct from old.handle
        and (old.identity_at is not null or (select filled_at is not null from stream.state))
    then
        insert into stream.outbox (kind, did, handle) values ('identity', new.did, new.handle);
    end if;
    return null;
end
$$;
create trigger tell_account
after update on account
for each row
when (
    (old.handle, old.taken_down, old.upstream_active, old.upstream_status)
    is distinct from (new.handle, new.taken_down, new.upstream_active, new.upstream_status)
)
execute function stream.tell_account();

-- What queries may show, decided in one place. The planner folds these views into the query that names them.

-- How an account appears, without what of it is taken down.
create view face as
select
    account.did,
    account.handle,
    account.active,
    account.hidden_parts,
    account.first_seen_at,
    bsky_profile.display_name,
    case
        when (bsky_profile.avatar_cid = any (account.hidden_parts)) is not true
        then bsky_profile.avatar_cid
    end as avatar_cid,
    case
        -- The CDN's URL of a blob has its CID behind its DID.
        when account.hidden_parts is null
            or (substring(profile.avatar from 'did:[^/]+/([^/@]+)') = any (account.hidden_parts)) is not true
        then profile.avatar
    end as avatar,
    profile.bio,
    profile.created_at as profile_created_at,
    profile.indexed_at as profile_indexed_at
from account
left join bsky_profile
    on bsky_profile.did = account.did
    and (account.hidden_parts is null or bsky_profile.uri <> all (account.hidden_parts))
left join profile
    on profile.did = account.did
    and (account.hidden_parts is null or profile.uri <> all (account.hidden_parts));

create view shown_account as
select
    face.did,
    face.handle,
    face.hidden_parts,
    face.first_seen_at,
    face.display_name,
    face.avatar_cid,
    face.avatar,
    face.bio,
    face.profile_created_at,
    face.profile_indexed_at
from face
where face.active;

create view shown_track as
select
    track.uri,
    track.did,
    track.rkey,
    track.cid,
    track.title,
    track.artist,
    track.album,
    track.description,
    track.file_type,
    track.duration_ms,
    track.audio_url,
    track.audio_cid,
    coalesce(track.audio_cid = any (author.hidden_parts), false) as audio_taken_down,
    case
        when author.hidden_parts is null
            or (substring(track.image_url from 'did:[^/]+/([^/@]+)') = any (author.hidden_parts)) is not true
        then track.image_url
    end as image_url,
    track.gate_type,
    track.features,
    track.tags,
    track.self_labels,
    track.created_at,
    track.sort_at,
    track.indexed_at,
    author.handle,
    author.display_name,
    author.avatar_cid,
    author.avatar,
    coalesce(subject_count.likes, 0) as likes,
    coalesce(subject_count.comments, 0) as comments,
    coalesce(subject_count.in_lists, 0) as in_lists,
    case
        when track.features <> '{}' then (
            -- Those we have never met keep their place; those who are hidden do not.
            select json_agg(
                json_build_object(
                    'did', featured.did,
                    'handle', face.handle,
                    'display_name', face.display_name,
                    'avatar_cid', face.avatar_cid,
                    'avatar', face.avatar
                )
                order by featured.place
            )
            from unnest(track.features) with ordinality as featured (did, place)
            left join face on face.did = featured.did
            where face.active is not false
        )
    end as featured
from track
join shown_account as author on author.did = track.did
left join subject_count on subject_count.subject = track.uri
where not exists (select from local.takedown where takedown.subject = track.uri);

create view shown_list as
select
    list.uri,
    list.did,
    list.rkey,
    list.cid,
    coalesce(list.name, list.last_name) as name,
    coalesce(list.list_type, list.last_list_type) as list_type,
    list.item_count,
    list.created_at,
    list.sort_at,
    list.indexed_at,
    author.handle,
    author.display_name,
    author.avatar_cid,
    author.avatar,
    coalesce(subject_count.likes, 0) as likes
from list
join shown_account as author on author.did = list.did
left join subject_count on subject_count.subject = list.uri
where not exists (select from local.takedown where takedown.subject = list.uri);
