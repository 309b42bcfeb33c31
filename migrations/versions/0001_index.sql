create extension if not exists pg_trgm;
create extension if not exists unaccent;

-- Keys and cursors compare as bytes, whatever the cluster's locale: collate "C".

-- How long to wait after so many failures: each time twice as long.
create function backoff(failures integer, first interval, longest interval) returns interval
language sql immutable
return least(longest, first * power(2, least(failures, 20)));

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
-- A card looks up its track, author and counts, a page fifty of each. By hash that is two pages, by the
-- primary key four or five, with twenty keys to compare.
create index account_by_did on account using hash (did);
comment on column account.purged_at is 'when the last of what it wrote was erased; null: not since its status was last told';
create unique index account_handle on account (handle);
create index account_newest on account (first_seen_at desc, did desc) where active;
create index account_identity_due on account (identity_due_at);
create index account_status_due on account (status_due_at) where status_due_at is not null;
create index account_recount on account (did) where active <> counted_active or recount_after is not null;
create index account_hidden on account (did) where not active;
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
    synced_at  timestamptz,
    doubted_at timestamptz
);
comment on column repo.state is 'desynchronized, resyncing, synchronized, waiting, gone';
comment on column repo.rev is 'of the newest commit in the proven chain';
comment on column repo.data is 'CID of that commit''s MST root';
comment on column repo.walked is 'collections that a walk has covered';
comment on column repo.doubted_at is 'when a frame was refused unproven; null: its host was asked what that hid';
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
    listened_at  timestamptz,
    updated_at   timestamptz not null default now()
);
comment on column relay_cursor.event_at is 'the time that the event at seq claims for itself';
comment on column relay_cursor.listened_at is 'until when we surely listened: a quiet stream is no gap';

-- What an indexer says of its connections holds for a while: one that was killed takes nothing back.
create view upstream as
select
    relay.host,
    relay.seq,
    relay.event_at,
    relay.received_at,
    relay.error,
    relay.heard_at,
    relay.connected and relay.heard_at > now() - interval '6 minutes' as connected
from (select *, greatest(updated_at, listened_at) as heard_at from relay_cursor) as relay;

create table relay_gap (
    id           bigint generated always as identity primary key,
    host         text not null,
    after_seq    bigint,
    before_seq   bigint,
    reason       text not null,
    recorded_at  timestamptz not null default now(),
    closed_at    timestamptz
);

-- Of the indexer that leads; one that sees a later number than its own writes nothing more.
create sequence leader_epoch;

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
    album_key     text collate "C",
    description   text,
    file_type     text not null,
    duration_ms   bigint,
    audio_url     text,
    audio_cid     text collate "C",
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
comment on column track.album_key is 'the album, folded: by it the author''s tracks and album lists are one album';
comment on column track.created_at is 'as the author wrote it';
comment on column track.sort_at is 'the lesser of the rkey''s TID and the first sight; never moves';
create index track_by_uri on track using hash (uri);
create index track_latest on track (sort_at desc, uri desc);
create index track_by_author on track (did, sort_at desc, uri desc);
create index track_by_album on track (did, album_key, sort_at, uri) where album_key is not null;
create index track_by_audio on track (audio_cid) where audio_cid is not null;
-- By hash, since what stands there may be of any length.
create index track_by_picture on track using hash (substring(image_url from 'did:[^/]+/([^/@]+)'))
    where substring(image_url from 'did:[^/]+/([^/@]+)') is not null;
create index track_by_feature on track using gin (features) where features <> '{}';

create table track_tag (
    track_uri  text collate "C" not null,
    tag        text collate "C" not null,
    sort_at    timestamptz not null,
    primary key (track_uri, tag)
);
create index track_tag_latest on track_tag (tag, sort_at desc, track_uri desc);

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
create index like_by_author on "like" (did, sort_at desc, uri desc) include (subject);

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
create index comment_by_author on comment (did, sort_at desc, uri desc);

create table list (
    uri             text collate "C" primary key,
    did             text collate "C" not null,
    rkey            text collate "C" not null,
    cid             text collate "C" not null,
    name            text,
    list_type       text,
    last_name       text,
    last_list_type  text,
    title_key       text collate "C" not null default '',
    item_count      integer not null,
    is_long         boolean not null generated always as (item_count > 100) stored,
    created_at      text not null,
    updated_at      text,
    sort_at         timestamptz not null,
    indexed_at      timestamptz not null
);
comment on column list.is_long is 'too long to add up what is on it while somebody waits';
comment on column list.last_name is 'the newest name the list ever had: what is shown when a rewrite dropped it';
comment on column list.title_key is 'last_name, folded: what track.album_key is to a track; empty without a name';
create index list_by_author on list (did, sort_at desc, uri desc);
create index list_by_title on list (did, title_key, (item_count = 0), sort_at desc, uri desc)
    where coalesce(list_type, last_list_type) = 'album';
create index list_latest on list (sort_at desc, uri desc);
create index list_latest_of_type on list (coalesce(list_type, last_list_type), sort_at desc, uri desc);

create table list_item (
    list_uri        text collate "C" not null,
    position        integer not null,
    subject         text collate "C" not null,
    subject_cid     text not null,
    sort_at         timestamptz not null,
    last_list_type  text,
    primary key (list_uri, position)
);
comment on column list_item.sort_at is 'of its list, as last_list_type is';
create index list_item_by_subject on list_item (subject, sort_at desc, list_uri desc, position)
    include (last_list_type);

-- Every album that an author's tracks or album lists name, whether anything of it is shown or not.
create table album (
    did        text collate "C" not null,
    title_key  text collate "C" not null,
    primary key (did, title_key)
);
comment on column album.title_key is 'the folded title: of track.album_key and list.title_key';

create view named_album as
select track.uri, track.did, track.album_key as title_key
from track
where track.album_key is not null
union all
select list.uri, list.did, list.title_key
from list
where list.title_key <> ''
  and coalesce(list.list_type, list.last_list_type) = 'album';

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
create index bsky_profile_by_did on bsky_profile using hash (did);

-- Who points at what. Of one account's several likes of a subject one is counted;
-- nothing of an inactive account is.
create table link (
    uri      text collate "C" not null,
    subject  text collate "C" not null,
    kind     text not null,
    did      text collate "C" not null,
    counted  boolean not null default false,
    made_at  timestamptz not null default now(),
    added    boolean not null default false,
    primary key (uri, subject)
);
comment on column link.kind is 'like, comment, list';
comment on column link.made_at is 'sort_at of the record; of what was added to a list later: when we saw it';
comment on column link.added is 'to a list that we knew without it; a mirror of likes is no such list';
-- Those who like something come from everywhere: read by subject, likes are found by way of their rows,
-- so that a like costs one page among all subjects and not two more.
create index link_by_subject on link (subject, kind, did, uri) where kind <> 'like';
create index link_by_author on link (did, subject, kind, uri);
create index link_latest on link (kind, made_at desc) where counted;
create index link_added on link (made_at desc) where added and counted;
create index link_added_by on link (did, made_at desc) where added and counted;
create unique index link_one_like on link (did, subject) where kind = 'like' and counted;

create view subject_link as
select link.subject, link.uri, link.kind, link.did, link.counted
from link
where link.kind <> 'like'
union all
select "like".subject, link.uri, link.kind, link.did, link.counted
from "like"
join link on link.uri = "like".uri and link.subject = "like".subject and link.kind = 'like';

-- With room on each page for the next version of a row: none of its indexes is told of it then.
create table subject_count (
    subject   text collate "C" primary key,
    likes     bigint not null default 0,
    comments  bigint not null default 0,
    in_lists  bigint not null default 0
) with (fillfactor = 80);
create index subject_count_by_subject on subject_count using hash (subject);

create table account_count (
    did             text collate "C" primary key,
    tracks          bigint not null default 0,
    lists           bigint not null default 0,
    likes_given     bigint not null default 0,
    likes_received  bigint not null default 0
) with (fillfactor = 80);

-- What the network cannot give back: moderation and its trail.
create schema local;
create table local.takedown (
    subject     text collate "C" not null,
    labeler     text collate "C" not null default '',
    reason      text,
    created_at  timestamptz not null default now(),
    primary key (subject, labeler)
);
comment on table local.takedown is 'hidden whatever upstream says';
comment on column local.takedown.subject is 'an account: did; a record: at-uri; a blob: did/cid';
comment on column local.takedown.labeler is 'whose label it follows, and goes with; empty: decided here';
create index takedown_blob on local.takedown (substring(subject from '^did:[^/]+/(.+)$'));

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

-- What the labelers say that PLYR_LABELERS names. A rebuild keeps it: nothing may come to light again
-- because a labeler cannot be asked.
create schema labels;
create table labels.labeler (
    did           text collate "C" primary key,
    cursor        bigint not null default 0,
    connected     boolean not null default false,
    error         text,
    received_at   timestamptz
);
comment on column labels.labeler.cursor is 'seq of the last frame whose labels stand in labels.label';

create table labels.label (
    uri         text collate "C" not null,
    src         text collate "C" not null,
    val         text collate "C" not null,
    cid         text collate "C" not null default '',
    neg         boolean not null,
    cts         text not null,
    exp         text,
    sig         bytea not null,
    seq         bigint not null,
    made_at     timestamptz not null,
    expires_at  timestamptz,
    primary key (uri, src, val, cid)
);
comment on table labels.label is 'the newest of each; negations stay, so that nothing older comes back';
comment on column labels.label.cid is 'the one version of the record that it is about; empty: all';
comment on column labels.label.made_at is 'cts as a moment: the later one wins';
create index label_hiding on labels.label (uri)
    where not neg and val in ('!hide', '!suspend', '!takedown');
create index label_turning on labels.label (uri)
    where not neg and val in ('!hide', '!suspend', '!takedown') and (cid <> '' or expires_at is not null);

-- What is hidden at this moment because a label says so.
create view labels.hiding as
select label.uri as subject, label.src as labeler, min(label.val) as reason
from labels.label
where not label.neg
  and label.val in ('!hide', '!suspend', '!takedown')
  and (label.expires_at is null or label.expires_at > now())
  and (
      label.cid = ''
      or label.cid = (
          select record.cid
          from record
          where record.did = split_part(label.uri, '/', 3)
            and record.collection = split_part(label.uri, '/', 4)
            and record.rkey = split_part(label.uri, '/', 5)
      )
  )
group by label.uri, label.src;

-- What the indexer works out in the background from all of the above, for queries to read.
create schema derived;

-- An order as it was at one moment, so that the pages of one walk neither double nor miss anything.
create table derived.ranking (
    token        uuid primary key default gen_random_uuid(),
    chart        text collate "C" not null,
    subjects     text[] collate "C" not null,
    computed_at  timestamptz not null default now(),
    expires_at   timestamptz
);
alter table derived.ranking alter column subjects set storage external;
comment on column derived.ranking.subjects is 'URIs, or DIDs where accounts are ranked; never changed';
comment on column derived.ranking.expires_at is 'null: the one that new walks of its chart begin with';
create unique index ranking_current on derived.ranking (chart) where expires_at is null;
create index ranking_reused on derived.ranking (chart, expires_at desc);
create index ranking_expiry on derived.ranking (expires_at);

create table derived.related (
    uri         text collate "C" primary key,
    tracks      text[] collate "C" not null,
    likes_then  bigint not null
);
comment on table derived.related is 'what else those who like a track like, nearest first';
comment on column derived.related.likes_then is 'how many likes it had when this was worked out';

create table derived.tag_count (
    tag     text collate "C" primary key,
    tracks  bigint not null
);
create index tag_count_most on derived.tag_count (tracks desc, tag);

create table derived.network (
    one                boolean primary key default true check (one),
    tracks             bigint not null,
    artists            bigint not null,
    listeners          bigint not null,
    likes              bigint not null,
    comments           bigint not null,
    lists              bigint not null,
    total_duration_ms  bigint not null
);

-- What the tracks of a list add up to: a list may have thousands, and a page fifty lists. A row holds for
-- the version of the list that it names. Until a version has one, whoever asks adds up a short list for
-- himself, and of a long one goes by what it was before, or says nothing.
create table derived.list_sum (
    uri          text collate "C" primary key,
    cid          text collate "C" not null,
    hosts        text[] collate "C" not null,
    shown        integer not null,
    playable     integer not null,
    duration_ms  bigint,
    pictured     text collate "C",
    tracks       integer not null,
    tracks_ms    bigint
) with (fillfactor = 80);
comment on column derived.list_sum.hosts is 'those that sound was trusted to lie with';
comment on column derived.list_sum.duration_ms is 'null where not every item is shown and measured';
comment on column derived.list_sum.pictured is 'the first track that has a picture';
comment on column derived.list_sum.tracks is 'those that are shown, each once, as an album has them';
comment on column derived.list_sum.tracks_ms is 'null where one of those is not measured';

-- Whose sums are to be made anew: a list's, those of the lists with a track, with an account's tracks.
create table derived.list_sum_due (
    id    bigint generated always as identity primary key,
    kind  text not null,
    key   text collate "C" not null
);
comment on column derived.list_sum_due.kind is 'list, track, account';
create index list_sum_due_list on derived.list_sum_due (key) where kind = 'list';

-- What was learnt of sound by having it. A rebuild keeps the facts: they stay true of their CID, and to
-- read them again every blob would have to be fetched again.
create schema media;
create table media.audio_fact (
    cid          text collate "C" primary key,
    size         bigint not null,
    mime_type    text,
    codec        text,
    lossless     boolean,
    duration_ms  bigint,
    bitrate      bigint,
    sample_rate  bigint,
    channels     bigint,
    has_picture  boolean not null default false,
    trouble      text,
    read_at      timestamptz not null default now()
);
comment on column media.audio_fact.codec is 'as RFC 6381 writes it';
comment on column media.audio_fact.bitrate is 'bits a second';
comment on column media.audio_fact.has_picture is 'a cover, which stands in for one that the record does not name';
comment on column media.audio_fact.trouble is 'why its bytes say nothing of it';

-- Whether what a track names as its sound is there. Only trusted hosts are ever asked: which those are
-- is a setting, so an address of any host stands here.
create table media.source_check (
    uri         text collate "C" primary key,
    url         text not null,
    host        text collate "C" not null
        generated always as (left(coalesce(substring(url from '^https://([^/]*)/'), ''), 253)) stored,
    status      text not null default 'unknown',
    ranges      boolean not null default false,
    cors        boolean not null default false,
    mime_type   text,
    size        bigint,
    checked_at  timestamptz,
    failures    integer not null default 0,
    due_at      timestamptz not null default now()
);
comment on column media.source_check.status is 'ok, dead, unknown';
comment on column media.source_check.checked_at is 'when its host last answered, or last did not';
create index source_check_due on media.source_check (host, due_at);

create function media.source_named() returns trigger language plpgsql as $$
begin
    if new.audio_url is null or new.gate_type is not null then
        delete from media.source_check where uri = new.uri;
        return null;
    end if;
    insert into media.source_check as held (uri, url) values (new.uri, new.audio_url)
    on conflict (uri) do update
    set due_at = least(held.due_at, greatest(now(), held.checked_at + interval '1 minute'))
    where held.url = excluded.url;
    if not found then
        delete from media.source_check where uri = new.uri;
        insert into media.source_check (uri, url) values (new.uri, new.audio_url);
    end if;
    return null;
end $$;

create function media.source_gone() returns trigger language plpgsql as $$
begin
    delete from media.source_check where uri = old.uri;
    return null;
end $$;

create trigger source_named
after insert on track for each row
when (new.audio_url is not null and new.gate_type is null)
execute function media.source_named();

create trigger source_named_again
after update of audio_url, gate_type on track for each row
when (new.audio_url is not null or old.audio_url is not null)
execute function media.source_named();

create trigger source_gone
after delete on track for each row
when (old.audio_url is not null)
execute function media.source_gone();

-- Blobs of tracks that the PDS of their account did not have when somebody wanted to hear them. It
-- counts when it has said so twice; then it is asked ever more rarely, until it has them again.
create table media.missing_blob (
    did       text collate "C" not null,
    cid       text collate "C" not null,
    asks      integer not null default 1,
    asked_at  timestamptz not null default now(),
    due_at    timestamptz not null default now() + interval '30 seconds',
    primary key (did, cid)
);
comment on column media.missing_blob.asks is 'how many times in a row the PDS said that it has none';
create index missing_blob_due on media.missing_blob (due_at);

create function media.blob_named() returns trigger language plpgsql as $$
begin
    update media.missing_blob
    set due_at = least(due_at, greatest(now(), asked_at + interval '30 seconds'))
    where did = new.did
      and cid = new.audio_cid;
    return null;
end $$;

create trigger blob_named
after insert or update of audio_cid on track for each row
when (new.audio_cid is not null)
execute function media.blob_named();

-- What the bucket of PLYR_MEDIA_STORE holds, for all servers that share it. A rebuild keeps it: without
-- it, what lies there would be fetched again. A line stands here before its object and until after it.
create table media.stored (
    name     text collate "C" primary key,
    bytes    bigint not null,
    whole    boolean not null,
    used_at  timestamptz not null default now()
);
comment on column media.stored.whole is 'or else it is being put there, or removed where used_at is -infinity';
create index stored_by_use on media.stored (used_at, name);

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
    -- What names the picture for good: the CID of a blob, or of the profile that has an address instead.
    coalesce(
        case
            when (bsky_profile.avatar_cid = any (account.hidden_parts)) is not true
            then bsky_profile.avatar_cid
        end,
        -- As a subquery, so that whoever has a picture at Bluesky costs no more. The CDN's URL of a blob
        -- has its CID behind its DID.
        (
            select own.cid
            from profile as own
            where own.did = account.did
              and (account.hidden_parts is null or own.uri <> all (account.hidden_parts))
              and own.avatar ~ '^https?://'
              and (substring(own.avatar from 'did:[^/]+/([^/@]+)') = any (account.hidden_parts)) is not true
        )
    ) as avatar,
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
    face.avatar,
    face.bio,
    face.profile_created_at,
    face.profile_indexed_at
from face
where face.active;

-- The list that stands for an album, if there is one: of several the newest with something in it.
create function album_list(author text, key text) returns setof list language sql stable
begin atomic
    select list.*
    from list
    where list.did = author
      and list.title_key = key
      and coalesce(list.list_type, list.last_list_type) = 'album'
      and not exists (select from local.takedown where takedown.subject = list.uri)
    order by list.item_count = 0, list.sort_at desc, list.uri desc
    limit 1;
end;

-- Tracks that are not taken down, whoever made them.
create view standing_track as
select
    track.uri,
    track.did,
    track.rkey,
    track.cid,
    track.title,
    track.artist,
    track.album,
    track.album_key,
    track.description,
    track.file_type,
    -- As subqueries, so that whoever does not ask for them does not pay. The status of the URL matters
    -- where there is no blob, or its PDS has none.
    coalesce(
        (select measured.duration_ms from media.audio_fact as measured where measured.cid = track.audio_cid),
        track.duration_ms
    ) as duration_ms,
    track.audio_url,
    case
        when track.audio_cid is null
            or exists (
                select
                from media.missing_blob as missing
                where missing.did = track.did
                  and missing.cid = track.audio_cid
                  and missing.asks > 1
            )
        then (
            select source_check.status
            from media.source_check
            where source_check.uri = track.uri
        )
    end as url_status,
    track.audio_cid,
    exists (
        select
        from media.missing_blob as missing
        where missing.did = track.did
          and missing.cid = track.audio_cid
          and missing.asks > 1
    ) as audio_missing,
    -- Under whichever account it was taken down: the bytes are the same.
    exists (
        select
        from local.takedown
        where substring(takedown.subject from '^did:[^/]+/(.+)$') = track.audio_cid
    ) as audio_taken_down,
    -- Whose picture it is, for as long as its record stays as it is; null where neither the record nor
    -- the sound has one. The CDN's URL of a blob has its CID behind its DID.
    case
        when track.image_url ~ '^https?://'
            and not exists (
                select
                from local.takedown
                where substring(takedown.subject from '^did:[^/]+/(.+)$')
                    = substring(track.image_url from 'did:[^/]+/([^/@]+)')
            )
            or track.gate_type is null
            and exists (
                select
                from media.audio_fact
                where audio_fact.cid = track.audio_cid
                  and audio_fact.has_picture
            )
            and not exists (
                select
                from local.takedown
                where substring(takedown.subject from '^did:[^/]+/(.+)$') = track.audio_cid
            )
        then track.did || '/' || track.rkey || '/' || track.cid
    end as picture,
    track.gate_type,
    track.features,
    track.tags,
    track.self_labels,
    track.created_at,
    track.sort_at,
    track.indexed_at
from track
where not exists (select from local.takedown where takedown.subject = track.uri);

-- The same tracks as shown_track, for who only adds them up: hidden accounts are few, all accounts are many.
create view summed_track as
select track.*
from standing_track as track
where not exists (select from account where account.did = track.did and not account.active);

-- Made of as little of each item as can be. A length may be as its author says: none counts for more than
-- thirty years, so that the sum is a bigint.
create function list_sums(list text, trusted_hosts text[]) returns table (
    shown integer, playable integer, duration_ms bigint, pictured text, tracks integer, tracks_ms bigint
)
language sql stable
begin atomic
    select
        coalesce(sum(item.times), 0)::integer,
        coalesce(
            sum(item.times) filter (
                where track.gate_type is null
                and (
                    track.audio_cid is not null
                    and not track.audio_missing
                    or substring(track.audio_url from '^https://([^/]*)/') = any (trusted_hosts)
                    and track.url_status = 'ok'
                )
                and not track.audio_taken_down
            ),
            0
        )::integer,
        case
            when sum(item.times) filter (where length.ms is not null) = (
                select count(*)
                from list_item
                where list_item.list_uri = list
            )
            then sum(item.times * least(length.ms, 1000000000000))::bigint
        end,
        (
            select summed_track.uri
            from list_item
            join summed_track on summed_track.uri = list_item.subject
            where list_item.list_uri = list
              and summed_track.picture is not null
            order by list_item.position
            limit 1
        ),
        count(*)::integer,
        case when bool_and(length.ms is not null) then sum(least(length.ms, 1000000000000))::bigint end
    from (
        select list_item.subject, count(*) as times
        from list_item
        where list_item.list_uri = list
        group by list_item.subject
    ) as item
    join summed_track as track on track.uri = item.subject
    -- A length is looked up once, not in each of the sums.
    cross join lateral (select track.duration_ms as ms offset 0) as length;
end;

create view shown_track as
select
    track.*,
    author.handle,
    author.display_name,
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
                    'avatar', face.avatar
                )
                order by featured.place
            )
            from unnest(track.features) with ordinality as featured (did, place)
            left join face on face.did = featured.did
            where face.active is not false
        )
    end as featured,
    case
        when track.album_key is not null then (
            select json_build_object(
                'uri', list.uri,
                'position', (
                    select min(list_item.position)
                    from list_item
                    where list_item.subject = track.uri
                      and list_item.sort_at = list.sort_at
                      and list_item.list_uri = list.uri
                )
            )
            from album_list(track.did, track.album_key) as list
        )
        when subject_count.in_lists > 0 then (
            -- The track does not say, but an album of its author has it: one of the newest of his lists that
            -- do, of which there may be thousands.
            select json_build_object(
                'title', coalesce(list.name, list.last_name),
                'uri', list.uri,
                'position', (
                    select min(list_item.position)
                    from list_item
                    where list_item.subject = track.uri
                      and list_item.sort_at = list.sort_at
                      and list_item.list_uri = list.uri
                )
            )
            from (
                select link.uri
                from link
                where link.subject = track.uri
                  and link.kind = 'list'
                  and link.did = track.did
                order by link.uri desc
                limit 50
            ) as own
            join list on list.uri = own.uri
            where coalesce(list.list_type, list.last_list_type) = 'album'
              and not exists (select from local.takedown where takedown.subject = list.uri)
            order by list.sort_at desc, list.uri desc
            limit 1
        )
    end as on_album
from standing_track as track
join shown_account as author on author.did = track.did
left join subject_count on subject_count.subject = track.uri;

create view shown_list as
select
    list.uri,
    list.did,
    list.rkey,
    list.cid,
    coalesce(list.name, list.last_name) as name,
    coalesce(list.list_type, list.last_list_type) as list_type,
    list.title_key,
    list.item_count,
    list.is_long,
    list.created_at,
    list.sort_at,
    list.indexed_at,
    author.handle,
    author.display_name,
    author.avatar,
    coalesce(subject_count.likes, 0) as likes
from list
join shown_account as author on author.did = list.did
left join subject_count on subject_count.subject = list.uri
where not exists (select from local.takedown where takedown.subject = list.uri);

-- Of a list's items: the sums that are kept; where there are none of this version, those made here, or, as
-- that would take too long, those of another. The picture is looked at in any case: it may be hidden by now.
create function list_summary(list text, version text, is_long boolean, trusted_hosts text[]) returns table (
    playable integer, duration_ms bigint, picture text
)
language sql stable
begin atomic
    select
        coalesce(sums.playable, 0),
        sums.duration_ms,
        (select shown_track.picture from shown_track where shown_track.uri = sums.pictured)
    from (values (true)) as always
    left join (
        select kept.playable, kept.duration_ms, kept.pictured
        from derived.list_sum as kept
        where kept.uri = list
          and (kept.cid = version and kept.hosts = trusted_hosts or is_long)
        union all
        select made.playable, made.duration_ms, made.pictured
        from list_sums(list, trusted_hosts) as made
        where not is_long
          and not exists (
              select
              from derived.list_sum as kept
              where kept.uri = list
                and kept.cid = version
                and kept.hosts = trusted_hosts
          )
    ) as sums on true;
end;

-- On an album is what its list has and what its author's tracks say, each once, if it is shown. What the list
-- has is added up already, or is here if it is too new. Of what tracks say so many are added up, since anybody
-- can say it of a million. `own_list`: one of the author's lists of that title; null for the one that stands
-- for it.
create function album_card(author_did text, key text, own_list text) returns table (
    did text, handle text, display_name text, avatar text,
    title_key text, list_uri text, uri text, cid text, name text, created_at text, sort_at timestamptz,
    list_length integer, item_count bigint, duration_ms bigint, picture text,
    first_album text, first_created_at text
)
language sql stable
begin atomic
    select
        author.did,
        author.handle,
        author.display_name,
        author.avatar,
        key,
        own_list,
        list.uri,
        list.cid,
        coalesce(list.name, list.last_name),
        list.created_at,
        list.sort_at,
        list.item_count,
        coalesce(listed.tracks, 0) + own.tracks,
        case
            when (coalesce(listed.tracks, 0) = 0 or listed.tracks_ms is not null)
                and (own.tracks = 0 or own.tracks_ms is not null)
            then coalesce(listed.tracks_ms + own.tracks_ms, listed.tracks_ms, own.tracks_ms)
        end,
        coalesce(
            (select shown_track.picture from shown_track where shown_track.uri = listed.pictured),
            own.picture
        ),
        own.first_album,
        own.first_created_at
    from shown_account as author
    left join lateral (
        select found.*
        from album_list(author_did, key) as found
        where own_list is null
        union all
        select found.*
        from list as found
        where found.uri = own_list
    ) as list on true
    left join derived.list_sum as kept
        on kept.uri = list.uri
        and (kept.cid = list.cid or list.is_long)
    left join lateral (
        select kept.tracks, kept.tracks_ms, kept.pictured
        where kept.uri is not null
        union all
        select made.tracks, made.tracks_ms, made.pictured
        from list_sums(list.uri, '{}') as made
        where kept.uri is null
        and not list.is_long
    ) as listed on true
    cross join lateral (
        select
            count(*) as tracks,
            case
                when bool_and(track.duration_ms is not null)
                then sum(least(track.duration_ms, 1000000000000))::bigint
            end as tracks_ms,
            (array_agg(track.picture order by track.sort_at, track.uri) filter (
                where track.picture is not null
            ))[1] as picture,
            (array_agg(track.album order by track.sort_at, track.uri))[1] as first_album,
            (array_agg(track.created_at order by track.sort_at, track.uri))[1] as first_created_at
        from (
            select track.uri, track.album, track.duration_ms, track.picture, track.created_at, track.sort_at
            from summed_track as track
            where track.did = author_did
              and track.album_key = key
              and not exists (
                  select
                  from list_item
                  where list_item.subject = track.uri
                    and list_item.sort_at = list.sort_at
                    and list_item.list_uri = list.uri
              )
            order by track.sort_at, track.uri
            limit 2000
        ) as track
    ) as own
    where author.did = author_did
      and (list.uri is not null or own.tracks > 0);
end;

-- Lists as feeds have them: an album without a track that is shown is left out, an empty playlist
-- is being filled. As an `exists` this would be answered for all lists at once, by reading every item.
create view listed_list as
select *
from shown_list
where list_type is distinct from 'album'
    or coalesce(
        (
            select list_sum.shown > 0
            from derived.list_sum
            where list_sum.uri = shown_list.uri
              and (list_sum.cid = shown_list.cid or shown_list.is_long)
        ),
        not shown_list.is_long
        and (
            select true
            from list_item
            join summed_track on summed_track.uri = list_item.subject
            where list_item.list_uri = shown_list.uri
            limit 1
        )
    );

-- What moves the sums of lists is told here, whoever changed it; indexer/list_sums.py follows.

create function derived.due_list() returns trigger language plpgsql as $$
begin
    insert into derived.list_sum_due (kind, key)
    values ('list', case when tg_op = 'DELETE' then old.uri else new.uri end);
    return null;
end $$;

create function derived.due_listed_track() returns trigger language plpgsql as $$
begin
    insert into derived.list_sum_due (kind, key)
    values ('track', case when tg_op = 'DELETE' then old.uri else new.uri end);
    return null;
end $$;

create function derived.due_listed_account() returns trigger language plpgsql as $$
begin
    insert into derived.list_sum_due (kind, key) values ('account', new.did);
    return null;
end $$;

create function derived.due_listed_blob() returns trigger language plpgsql as $$
begin
    insert into derived.list_sum_due (kind, key)
    select 'track', uri
    from track
    where audio_cid = case when tg_op = 'DELETE' then old.cid else new.cid end;
    return null;
end $$;

create function derived.due_listed_takedown() returns trigger language plpgsql as $$
declare
    taken_down text := case when tg_op = 'DELETE' then old.subject else new.subject end;
    blob text := substring(taken_down from '^did:[^/]+/(.+)$');
begin
    insert into derived.list_sum_due (kind, key)
    select 'track', uri from track where uri = taken_down
    union all
    select 'track', uri from track where audio_cid = blob
    union all
    select 'track', uri from track where substring(image_url from 'did:[^/]+/([^/@]+)') = blob;
    return null;
end $$;

create trigger list_added_up
after insert or delete or update of cid on list for each row execute function derived.due_list();

create trigger track_added_up
after insert or delete or update of duration_ms, audio_url, audio_cid, image_url, gate_type
on track for each row execute function derived.due_listed_track();

create trigger account_added_up
after update on account for each row
when (old.active <> new.active)
execute function derived.due_listed_account();

create trigger sound_added_up
after insert or delete or update on media.audio_fact for each row execute function derived.due_listed_blob();

create trigger missing_added_up
after insert or delete or update of asks on media.missing_blob for each row execute function derived.due_listed_blob();

create trigger source_added_up
after update of status on media.source_check for each row
when (old.status <> new.status)
execute function derived.due_listed_track();

create trigger takedown_added_up
after insert or delete on local.takedown for each row execute function derived.due_listed_takedown();

-- Search. Documents are folded and cut into terms by indexer/search, which follows search_due.

create table derived.search_document (
    id           bigint generated always as identity primary key,
    kind         text collate "C" not null,
    key          text collate "C" not null unique,
    tier         smallint not null,
    rank         float8 not null,
    points       bigint not null,
    at           timestamptz not null,
    duration_ms  bigint,
    fields       text not null,
    terms        tsvector not null
) with (fillfactor = 85);
comment on column derived.search_document.kind is 'actor, track, list, album';
comment on column derived.search_document.key is 'a DID, an at-uri; of an album its author''s DID, a space, its title_key';
comment on column derived.search_document.tier is '0: among the best of its kind; each term begins with kind and tier';
comment on column derived.search_document.rank is 'doublings of the points, and one for each half year of youth';
comment on column derived.search_document.fields is 'folded, one a line, with a space around each word';
-- Searches must not wait for a list of pending entries to be read through.
create index search_document_terms on derived.search_document using gin (terms) with (fastupdate = off);

-- Words that documents of a kind hold, to find those that a misspelt one may stand for.
create table derived.search_word (
    kind          text collate "C" not null,
    word          text collate "C" not null,
    misspellings  text[] collate "C" not null,
    primary key (word, kind)
);
create index search_word_misspelt on derived.search_word using gin (misspellings) with (fastupdate = off);
create index search_word_parts on derived.search_word using gin (word gin_trgm_ops) with (fastupdate = off);

create table derived.search_tier (
    kind      text collate "C" not null,
    tier      smallint not null,
    min_rank  float8 not null,
    primary key (kind, tier)
);

-- Keys whose document is to be looked at again, whoever changed what it is made of.
create table derived.search_due (
    id     bigint generated always as identity primary key,
    key    text collate "C" not null,
    after  text collate "C"
);
comment on column derived.search_due.after is 'of a DID: all that carries its name, from this key on';
create unique index search_due_named on derived.search_due (key) where after is not null;

create function derived.octave(points bigint) returns integer language sql immutable
return floor(ln(1 + greatest(points, 0)) / ln(2.0::float8));

create function derived.due_record() returns trigger language plpgsql as $$
begin
    insert into derived.search_due (key) values (case when tg_op = 'DELETE' then old.uri else new.uri end);
    return null;
end $$;

create function derived.due_account() returns trigger language plpgsql as $$
begin
    insert into derived.search_due (key) values (case when tg_op = 'DELETE' then old.did else new.did end);
    return null;
end $$;

create function derived.due_album() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        insert into derived.search_due (key) values (old.did || ' ' || old.title_key);
    else
        insert into derived.search_due (key) values (new.did || ' ' || new.title_key);
    end if;
    return null;
end $$;

create function derived.due_subject() returns trigger language plpgsql as $$
begin
    insert into derived.search_due (key) values (new.subject);
    return null;
end $$;

create trigger track_due
after insert or delete or update of title, artist, album, tags, duration_ms, audio_url, audio_cid, gate_type
on track for each row execute function derived.due_record();

create trigger list_due
after insert or delete or update of name, list_type, last_name, last_list_type
on list for each row execute function derived.due_record();

create trigger album_due
after insert or delete on album for each row execute function derived.due_album();

create trigger bsky_profile_due
after insert or delete or update of display_name
on bsky_profile for each row execute function derived.due_account();

create trigger account_met
after insert on account for each row
when (new.handle is not null)
execute function derived.due_account();

create trigger account_renamed
after update of handle on account for each row
when (old.handle is distinct from new.handle)
execute function derived.due_account();

create function derived.due_measured() returns trigger language plpgsql as $$
begin
    insert into derived.search_due (key) select uri from track where audio_cid = new.cid;
    return null;
end $$;

create trigger audio_measured
after insert or update of duration_ms on media.audio_fact for each row
when (new.duration_ms is not null)
execute function derived.due_measured();

-- A rank moves when a count doubles.
create trigger subject_count_first
after insert on subject_count for each row
when (derived.octave(new.likes + new.comments + new.in_lists) > 0)
execute function derived.due_subject();

create trigger subject_count_doubled
after update on subject_count for each row
when (derived.octave(old.likes + old.comments + old.in_lists) <> derived.octave(new.likes + new.comments + new.in_lists))
execute function derived.due_subject();

create trigger account_count_first
after insert on account_count for each row
when (derived.octave(new.tracks + new.likes_received) > 0)
execute function derived.due_account();

create trigger account_count_doubled
after update on account_count for each row
when (derived.octave(old.tracks + old.likes_received) <> derived.octave(new.tracks + new.likes_received))
execute function derived.due_account();

-- Documents by terms: query after query, until a whole stage has brought as many as are wanted. By time
-- a stage is all of what is later than the next one's.
create function derived.search_candidates(
    queries tsquery[], stages smallint[], spans tstzrange[], by_time boolean, wanted integer, most integer,
    min_ms bigint, max_ms bigint, phrases text[]
) returns table (
    stage smallint, id bigint, key text, rank float8, points bigint, at timestamptz, fields text
)
language plpgsql stable
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
declare
    brought integer := 0;
    number integer;
begin
    for place in 1 .. cardinality(queries) loop
        if place > 1 and stages[place] <> stages[place - 1] then
            exit when brought >= wanted;
            -- What is later is something else; a wider search brings the same again.
            brought := case when by_time then brought else 0 end;
        end if;
        continue when brought >= wanted and not by_time;
        return query
        select
            stages[place], document.id, document.key, document.rank, document.points, document.at,
            document.fields
        from (
            -- What a shelf brings at most, however common the word.
            select * from derived.search_document where terms @@ queries[place] limit most
        ) as document
        where document.at <@ spans[stages[place]]
        and (min_ms is null or document.duration_ms >= min_ms)
        and (max_ms is null or document.duration_ms <= max_ms)
        and document.fields like all (phrases)
        order by case when by_time then document.at end desc, document.rank desc, document.id desc
        -- Where it is the title that matches, the best of a shelf go before the last of the one above.
        limit case when by_time then wanted else greatest(wanted - brought, least(wanted, 100)) end;
        get diagnostics number = row_count;
        brought := brought + number;
    end loop;
end $$;
