"""What queries take and answer. Written by codegen.py: change the documents."""

# ruff: noqa: N815

from __future__ import annotations

import builtins
from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict


class Label(TypedDict):
    """What somebody says about an account or a record."""

    ver: NotRequired[int]
    src: str
    uri: str
    cid: NotRequired[str]
    val: str
    neg: NotRequired[bool]
    cts: str | datetime
    exp: NotRequired[str | datetime]
    sig: NotRequired[dict[str, str]]


class SelfLabels(TypedDict):
    """What authors say about the own record, within it."""

    values: list[SelfLabel]


class SelfLabel(TypedDict):
    val: str


class QueryLabelsParams(TypedDict):
    uriPatterns: list[str]
    sources: NotRequired[list[str]]
    limit: int
    cursor: NotRequired[str]


class QueryLabelsOutput(TypedDict):
    cursor: NotRequired[str]
    labels: list[Label]


class StrongRef(TypedDict):
    uri: str
    cid: str


class Image(TypedDict):
    """A picture in three sizes, as URLs of the service. What one shows never changes."""

    thumb: str
    medium: str
    full: str


class ViewerState(TypedDict):
    """What stands between the asking account and this one."""

    following: NotRequired[str]
    followedBy: NotRequired[str]
    blocking: NotRequired[str]
    blockedBy: NotRequired[bool]


_ProfileViewBasicKind = TypedDict(
    "_ProfileViewBasicKind",
    {"$type": NotRequired[Literal["fm.plyr.actor.defs#profileViewBasic"]]},
)


class ProfileViewBasic(_ProfileViewBasicKind):
    """An account, as it stands beside what it wrote."""

    did: str
    handle: str
    displayName: NotRequired[str]
    avatar: NotRequired[Image]
    labels: NotRequired[list[Label]]
    viewer: NotRequired[ViewerState]


class ProfileView(TypedDict):
    """An account on its own page."""

    did: str
    handle: str
    displayName: NotRequired[str]
    avatar: NotRequired[Image]
    labels: NotRequired[list[Label]]
    viewer: NotRequired[ViewerState]
    bio: NotRequired[str]
    createdAt: NotRequired[str | datetime]
    indexedAt: NotRequired[str | datetime]
    trackCount: int
    listCount: int
    likesGiven: int
    likesReceived: int


class GetProfileParams(TypedDict):
    actor: str


class GetProfileOutput(TypedDict):
    profile: ProfileView


class GetProfilesParams(TypedDict):
    actors: list[str]


class GetProfilesOutput(TypedDict):
    profiles: list[ProfileView]
    missing: list[MissingItem]


class ListActorsParams(TypedDict):
    limit: int
    cursor: NotRequired[str]
    sort: Literal["newest", "tracks", "likes-received"]


class ListActorsOutput(TypedDict):
    actors: list[ProfileView]
    cursor: NotRequired[str]


_TrackViewBasicKind = TypedDict(
    "_TrackViewBasicKind",
    {"$type": NotRequired[Literal["fm.plyr.feed.defs#trackViewBasic"]]},
)


class TrackViewBasic(_TrackViewBasicKind):
    """A track, as it stands within something else."""

    uri: str
    cid: str
    title: str
    artist: str
    author: ProfileViewBasic
    durationMs: NotRequired[int]
    artwork: NotRequired[Image]
    album: NotRequired[AlbumRef]
    playability: str
    stream: NotRequired[str]
    createdAt: str | datetime
    indexedAt: str | datetime
    labels: NotRequired[list[Label]]
    viewer: NotRequired[TrackViewer]


_TrackViewKind = TypedDict(
    "_TrackViewKind",
    {"$type": NotRequired[Literal["fm.plyr.feed.defs#trackView"]]},
)


class TrackView(_TrackViewKind):
    """A track."""

    uri: str
    cid: str
    title: str
    artist: str
    author: ProfileViewBasic
    durationMs: NotRequired[int]
    artwork: NotRequired[Image]
    album: NotRequired[AlbumRef]
    playability: str
    stream: NotRequired[str]
    createdAt: str | datetime
    indexedAt: str | datetime
    labels: NotRequired[list[Label]]
    viewer: NotRequired[TrackViewer]
    description: NotRequired[str]
    features: NotRequired[list[ProfileViewBasic]]
    tags: NotRequired[list[str]]
    fileType: str
    gate: NotRequired[Gate]
    likeCount: int
    commentCount: int
    inListsCount: int
    sortAt: str | datetime
    webUrl: str
    record: NotRequired[dict[str, Any]]


class TrackViewer(TypedDict):
    """What the asking account did with the track."""

    like: NotRequired[str]
    duplicateLikes: NotRequired[list[str]]


class AlbumRef(TypedDict):
    """The album that a track belongs to."""

    title: str
    uri: NotRequired[str]
    position: NotRequired[int]


class Gate(TypedDict):
    """What listening asks for."""

    type: str
    url: NotRequired[str]


class FeedItem(TypedDict):
    """A track, and why it is in the feed."""

    track: TrackView
    reason: NotRequired[ReasonLike | ReasonListAdd | ReasonTrending]


_ReasonLikeKind = TypedDict(
    "_ReasonLikeKind",
    {"$type": NotRequired[Literal["fm.plyr.feed.defs#reasonLike"]]},
)


class ReasonLike(_ReasonLikeKind):
    """Somebody liked it."""

    actor: ProfileViewBasic
    indexedAt: str | datetime


_ReasonListAddKind = TypedDict(
    "_ReasonListAddKind",
    {"$type": NotRequired[Literal["fm.plyr.feed.defs#reasonListAdd"]]},
)


class ReasonListAdd(_ReasonListAddKind):
    """Somebody put it on a list."""

    list: ListViewBasic
    indexedAt: str | datetime


_ReasonTrendingKind = TypedDict(
    "_ReasonTrendingKind",
    {"$type": NotRequired[Literal["fm.plyr.feed.defs#reasonTrending"]]},
)


class ReasonTrending(_ReasonTrendingKind):
    """Many listen to it these days."""


class RelatedTrack(TypedDict):
    """A track, and what it shares with another."""

    track: TrackView
    reason: str


class LikeView(TypedDict):
    """A like, and whose."""

    uri: str
    cid: str
    actor: ProfileViewBasic
    createdAt: str | datetime
    indexedAt: str | datetime


class CommentView(TypedDict):
    """A comment."""

    uri: str
    cid: str
    author: ProfileViewBasic
    text: str
    timestampMs: int
    createdAt: str | datetime
    updatedAt: NotRequired[str | datetime]
    indexedAt: str | datetime
    labels: NotRequired[list[Label]]


class ActivityItem(TypedDict):
    """Something that somebody did."""

    kind: str
    uri: str
    actor: ProfileViewBasic
    subject: NotRequired[TrackView | ListViewBasic]
    list: NotRequired[ListViewBasic]
    text: NotRequired[str]
    createdAt: str | datetime
    indexedAt: str | datetime


_MissingItemKind = TypedDict(
    "_MissingItemKind",
    {"$type": NotRequired[Literal["fm.plyr.feed.defs#missingItem"]]},
)


class MissingItem(_MissingItemKind):
    """Something that was asked for and is not shown."""

    uri: str
    reason: str


class GetActivityParams(TypedDict):
    actor: NotRequired[str]
    kinds: NotRequired[list[Literal["track", "like", "comment", "list", "list-add"]]]
    following: bool
    limit: int
    cursor: NotRequired[str]


class GetActivityOutput(TypedDict):
    activity: list[ActivityItem]
    cursor: NotRequired[str]


class GetActorLikesParams(TypedDict):
    actor: str
    limit: int
    cursor: NotRequired[str]


class GetActorLikesOutput(TypedDict):
    feed: list[FeedItem]
    cursor: NotRequired[str]


class GetActorTracksParams(TypedDict):
    actor: str
    limit: int
    cursor: NotRequired[str]
    sort: Literal["newest", "oldest", "top"]
    includeFeatures: bool


class GetActorTracksOutput(TypedDict):
    feed: list[FeedItem]
    cursor: NotRequired[str]


class GetCommentsParams(TypedDict):
    uri: str
    limit: int
    cursor: NotRequired[str]
    sort: Literal["timestamp", "newest", "oldest"]
    fromMs: NotRequired[int]
    toMs: NotRequired[int]


class GetCommentsOutput(TypedDict):
    comments: list[CommentView]
    total: int
    cursor: NotRequired[str]


class GetLatestParams(TypedDict):
    limit: int
    cursor: NotRequired[str]
    since: NotRequired[str]
    until: NotRequired[str]
    playable: bool


class GetLatestOutput(TypedDict):
    feed: list[FeedItem]
    cursor: NotRequired[str]


class GetLikesParams(TypedDict):
    uri: str
    limit: int
    cursor: NotRequired[str]


class GetLikesOutput(TypedDict):
    likes: list[LikeView]
    total: int
    cursor: NotRequired[str]


class GetRelatedParams(TypedDict):
    uri: str
    limit: int


class GetRelatedOutput(TypedDict):
    tracks: list[RelatedTrack]


class GetTagFeedParams(TypedDict):
    tag: str
    limit: int
    cursor: NotRequired[str]


class GetTagFeedOutput(TypedDict):
    feed: list[FeedItem]
    cursor: NotRequired[str]


class GetTopParams(TypedDict):
    limit: int
    cursor: NotRequired[str]
    window: Literal["day", "week", "month", "year", "all"]
    metric: Literal["likes", "comments", "list-adds"]


class GetTopOutput(TypedDict):
    feed: list[FeedItem]
    window: str
    computedAt: NotRequired[str | datetime]
    cursor: NotRequired[str]


class GetTrackParams(TypedDict):
    uri: str


class GetTrackOutput(TypedDict):
    track: TrackView


class GetTracksParams(TypedDict):
    uris: list[str]


class GetTracksOutput(TypedDict):
    tracks: list[TrackView]
    missing: list[MissingItem]


class GetTrendingParams(TypedDict):
    limit: int
    cursor: NotRequired[str]


class GetTrendingOutput(TypedDict):
    feed: list[FeedItem]
    computedAt: NotRequired[str | datetime]
    cursor: NotRequired[str]


class ListTagsParams(TypedDict):
    limit: int
    q: NotRequired[str]


class ListTagsOutput(TypedDict):
    tags: list[TagCount]


class TagCount(TypedDict):
    """A tag, and how many tracks have it."""

    tag: str
    count: int


_ListViewBasicKind = TypedDict(
    "_ListViewBasicKind",
    {"$type": NotRequired[Literal["fm.plyr.library.defs#listViewBasic"]]},
)


class ListViewBasic(_ListViewBasicKind):
    """A list, as it stands within something else."""

    uri: str
    cid: str
    name: str
    listType: NotRequired[str]
    author: ProfileViewBasic
    artwork: NotRequired[Image]
    itemCount: int
    durationMs: NotRequired[int]
    createdAt: str | datetime
    indexedAt: str | datetime
    labels: NotRequired[list[Label]]
    viewer: NotRequired[ListViewer]


class ListView(TypedDict):
    """A list, without its items."""

    uri: str
    cid: str
    name: str
    listType: NotRequired[str]
    author: ProfileViewBasic
    artwork: NotRequired[Image]
    itemCount: int
    durationMs: NotRequired[int]
    createdAt: str | datetime
    indexedAt: str | datetime
    labels: NotRequired[list[Label]]
    viewer: NotRequired[ListViewer]
    likeCount: int
    playableCount: int
    webUrl: str
    record: NotRequired[dict[str, Any]]


class ListViewer(TypedDict):
    """What the asking account did with the list."""

    like: NotRequired[str]


class ListItemView(TypedDict):
    """A place in a list."""

    position: int
    subject: StrongRef
    item: TrackView | MissingItem


_AlbumViewKind = TypedDict(
    "_AlbumViewKind",
    {"$type": NotRequired[Literal["fm.plyr.library.defs#albumView"]]},
)


class AlbumView(_AlbumViewKind):
    """An album: a list record, or what the tracks themselves say."""

    uri: NotRequired[str]
    cid: NotRequired[str]
    title: str
    author: ProfileViewBasic
    artwork: NotRequired[Image]
    itemCount: int
    durationMs: NotRequired[int]
    createdAt: str | datetime
    derived: bool
    labels: NotRequired[list[Label]]


class GetActorAlbumsParams(TypedDict):
    actor: str
    limit: int
    cursor: NotRequired[str]


class GetActorAlbumsOutput(TypedDict):
    albums: list[AlbumView]
    cursor: NotRequired[str]


class GetActorListsParams(TypedDict):
    actor: str
    listType: NotRequired[str]
    limit: int
    cursor: NotRequired[str]


class GetActorListsOutput(TypedDict):
    lists: list[ListView]
    cursor: NotRequired[str]


class GetAlbumParams(TypedDict):
    uri: NotRequired[str]
    actor: NotRequired[str]
    title: NotRequired[str]
    limit: int
    cursor: NotRequired[str]


class GetAlbumOutput(TypedDict):
    album: AlbumView
    items: list[ListItemView]
    cursor: NotRequired[str]


class GetLatestListsParams(TypedDict):
    listType: NotRequired[str]
    limit: int
    cursor: NotRequired[str]


class GetLatestListsOutput(TypedDict):
    lists: list[ListView]
    cursor: NotRequired[str]


class GetListParams(TypedDict):
    uri: str
    limit: int
    cursor: NotRequired[str]


class GetListOutput(TypedDict):
    list: ListView
    items: builtins.list[ListItemView]
    cursor: NotRequired[str]


class GetListsParams(TypedDict):
    uris: list[str]


class GetListsOutput(TypedDict):
    lists: list[ListView]
    missing: list[MissingItem]


class GetListsContainingParams(TypedDict):
    uri: str
    listType: NotRequired[str]
    actor: NotRequired[str]
    limit: int
    cursor: NotRequired[str]


class GetListsContainingOutput(TypedDict):
    lists: list[Placement]
    cursor: NotRequired[str]


class Placement(TypedDict):
    """A list, and where on it the track is."""

    list: ListView
    position: int


class PlaybackView(TypedDict):
    uri: str
    cid: str
    title: str
    artist: str
    author: ProfileViewBasic
    album: NotRequired[AlbumRef]
    artwork: NotRequired[Image]
    durationMs: NotRequired[int]
    playability: str
    reason: NotRequired[str]
    authorization: NotRequired[Authorization]
    sources: list[Source]


class Authorization(TypedDict):
    """What listening asks for, and where it can be had. It is never given here."""

    gate: str
    url: str


class Source(TypedDict):
    """One place where the sound is."""

    url: str
    kind: str
    mimeType: str
    codec: NotRequired[str]
    lossless: NotRequired[bool]
    bitrate: NotRequired[int]
    sampleRate: NotRequired[int]
    channels: NotRequired[int]
    size: NotRequired[int]
    cid: NotRequired[str]
    integrity: str
    ranges: bool
    cors: bool
    checkedAt: NotRequired[str | datetime]
    status: str
    expiresAt: NotRequired[str | datetime]


class GetBlobParams(TypedDict):
    did: str
    cid: str


class GetPlaybackParams(TypedDict):
    uri: str
    cid: NotRequired[str]


class GetPlaybackOutput(TypedDict):
    playback: PlaybackView


class GetPlaybacksParams(TypedDict):
    uris: list[str]


class GetPlaybacksOutput(TypedDict):
    playbacks: list[PlaybackView]
    missing: list[MissingItem]


class GetPlaylistFileParams(TypedDict):
    uri: str
    format: Literal["m3u", "xspf"]


_MatchReserved = TypedDict("_MatchReserved", {"class": str})


class Match(_MatchReserved):
    """How a result answers the query. Results come in the order of their classes."""

    field: str


class TrackHit(TypedDict):
    track: TrackView
    match: Match


class Result(TypedDict):
    item: ProfileViewBasic | TrackViewBasic | ListViewBasic | AlbumView
    match: Match


class SearchActorsParams(TypedDict):
    q: str
    limit: int
    cursor: NotRequired[str]


class SearchActorsOutput(TypedDict):
    actors: list[ProfileView]
    cursor: NotRequired[str]


class SearchAlbumsParams(TypedDict):
    q: str
    limit: int
    cursor: NotRequired[str]


class SearchAlbumsOutput(TypedDict):
    albums: list[AlbumView]
    cursor: NotRequired[str]


class SearchAllParams(TypedDict):
    q: str
    types: NotRequired[list[Literal["actor", "track", "list", "album"]]]
    limit: int


class SearchAllOutput(TypedDict):
    results: list[Result]


class SearchListsParams(TypedDict):
    q: str
    listType: NotRequired[str]
    limit: int
    cursor: NotRequired[str]


class SearchListsOutput(TypedDict):
    lists: list[ListView]
    cursor: NotRequired[str]


class SearchTracksParams(TypedDict):
    q: str
    limit: int
    cursor: NotRequired[str]
    author: NotRequired[str]
    tag: NotRequired[str]
    since: NotRequired[str]
    until: NotRequired[str]
    minDurationMs: NotRequired[int]
    maxDurationMs: NotRequired[int]
    fileType: NotRequired[str]
    playable: bool
    sort: Literal["relevance", "newest", "top"]


class SearchTracksOutput(TypedDict):
    tracks: list[TrackHit]
    cursor: NotRequired[str]


class TypeaheadParams(TypedDict):
    q: str
    types: NotRequired[list[Literal["actor", "track", "list", "album"]]]
    limit: int


class TypeaheadOutput(TypedDict):
    actors: list[ProfileViewBasic]
    tracks: list[TrackViewBasic]
    lists: list[ListViewBasic]
    albums: list[AlbumView]


class GetNetworkStatsParams(TypedDict):
    pass


class GetNetworkStatsOutput(TypedDict):
    tracks: int
    artists: int
    listeners: int
    likes: int
    comments: int
    lists: int
    totalDurationMs: int


class Upstream(TypedDict):
    """A host whose firehose is read."""

    host: str
    seq: NotRequired[int]
    lagMs: NotRequired[int]
    connected: bool
    lastEventAt: NotRequired[str | datetime]
    error: NotRequired[str]


class FollowedLabeler(TypedDict):
    """A labeler whose stream is read."""

    did: str
    seq: int
    connected: bool
    lastEventAt: NotRequired[str | datetime]
    error: NotRequired[str]


class Backfill(TypedDict):
    """How far the repositories that were there before are read."""

    state: str
    done: int
    total: int
    etaMs: NotRequired[int]


class Repos(TypedDict):
    """Repositories by how far they are proven."""

    synchronized: int
    desynchronized: int
    parked: int


class Disk(TypedDict):
    """Room for the database, the cache and the spool."""

    freeBytes: int
    minFreeBytes: NotRequired[int]


class Gap(TypedDict):
    host: str
    afterSeq: NotRequired[int]
    reason: str
    recordedAt: str | datetime
    closedAt: NotRequired[str | datetime]


class GetRecordStatusParams(TypedDict):
    uri: NotRequired[str]
    did: NotRequired[str]


class GetRecordStatusOutput(TypedDict):
    state: str
    reason: NotRequired[str]
    cid: NotRequired[str]
    rev: NotRequired[str]
    provenAt: NotRequired[str | datetime]
    seenAt: NotRequired[str | datetime]


class GetStatusParams(TypedDict):
    pass


class GetStatusOutput(TypedDict):
    observedAt: str | datetime
    upstreams: list[Upstream]
    labelers: list[FollowedLabeler]
    backfill: Backfill
    gaps: list[Gap]
    repos: Repos
    quarantined: int
    disk: Disk
    version: str


class RequestRepoInput(TypedDict):
    did: str


class RequestRepoOutput(TypedDict):
    state: str
    rev: NotRequired[str]


class SubscribeEventsParams(TypedDict):
    cursor: NotRequired[int]
    collections: NotRequired[list[str]]
    dids: NotRequired[list[str]]


_RecordKind = TypedDict(
    "_RecordKind",
    {"$type": NotRequired[Literal["fm.plyr.sync.subscribeEvents#record"]]},
)


class Record(_RecordKind):
    seq: int
    time: str | datetime
    did: str
    uri: str
    action: str
    rev: str
    live: bool
    cid: NotRequired[str]
    record: NotRequired[dict[str, Any]]
    reason: NotRequired[str]


_AccountKind = TypedDict(
    "_AccountKind",
    {"$type": NotRequired[Literal["fm.plyr.sync.subscribeEvents#account"]]},
)


class Account(_AccountKind):
    seq: int
    time: str | datetime
    did: str
    active: bool
    status: NotRequired[str]


_IdentityKind = TypedDict(
    "_IdentityKind",
    {"$type": NotRequired[Literal["fm.plyr.sync.subscribeEvents#identity"]]},
)


class Identity(_IdentityKind):
    """An account has another handle."""

    seq: int
    time: str | datetime
    did: str
    handle: NotRequired[str]


_InfoKind = TypedDict(
    "_InfoKind",
    {"$type": NotRequired[Literal["fm.plyr.sync.subscribeEvents#info"]]},
)


class Info(_InfoKind):
    """A word about the stream itself."""

    name: str
    message: NotRequired[str]


class MentionSearchParams(TypedDict):
    service: str
    search: str
    scope: NotRequired[str]
    limit: int


class MentionSearchOutput(TypedDict):
    results: list[MentionResult]


class MentionResult(TypedDict):
    """Something to mention."""

    uri: str
    name: str
    description: NotRequired[str]
    labels: NotRequired[list[MentionMentionLabel]]
    href: NotRequired[str]
    icon: NotRequired[str]
    embed: NotRequired[MentionEmbedInfo]
    subscope: NotRequired[MentionSubscopeInfo]


class MentionMentionLabel(TypedDict):
    """A word to show beside it."""

    text: NotRequired[str]


class MentionEmbedInfo(TypedDict):
    """A frame to show instead of a link."""

    src: str
    width: NotRequired[int]
    height: NotRequired[int]
    aspectRatio: NotRequired[MentionAspectRatio]


class MentionAspectRatio(TypedDict):
    """Goes before width and height."""

    width: int
    height: int


class MentionSubscopeInfo(TypedDict):
    """How to search within it."""

    scope: str
    label: str
