"""Which pictures may be had: those of records that are shown, and where their bytes are.

Asked at every request, of the database: a cache of pictures must not outlive the right to them.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from lexicons.cid import Cid, parse_cid
from lexicons.syntax import Did, RecordKey, parse_did, parse_record_key
from migrations.database import Pool

# A blob that is taken down under one account is under all, and behind every address that names it.
ARTWORK: Final = """
select
    case
        when track.image_url ~ '^https?://'
            and not exists (
                select from local.takedown
                where substring(takedown.subject from '^did:[^/]+/(.+)$')
                    = substring(track.image_url from 'did:[^/]+/([^/@]+)')
            )
        then track.image_url
    end as url,
    null as blob,
    case
        when track.gate_type is null
            and not exists (
                select from local.takedown
                where substring(takedown.subject from '^did:[^/]+/(.+)$') = track.audio_cid
            )
        then audio_fact.cid
    end as sound
from shown_track
join track on track.uri = shown_track.uri
left join media.audio_fact on audio_fact.cid = track.audio_cid and audio_fact.has_picture
where shown_track.uri = $1
  and shown_track.picture = $2
"""

AVATAR: Final = """
select
    profile.avatar as url,
    bsky_profile.avatar_cid as blob,
    null as sound
from shown_account
left join bsky_profile
    on bsky_profile.did = shown_account.did
    and bsky_profile.avatar_cid = shown_account.avatar
left join profile
    on profile.did = shown_account.did
    and profile.cid = shown_account.avatar
where shown_account.did = $1
  and shown_account.avatar = $2
  and not exists (
      select from local.takedown
      where substring(takedown.subject from '^did:[^/]+/(.+)$')
          in (bsky_profile.avatar_cid, substring(profile.avatar from 'did:[^/]+/([^/@]+)'))
  )
"""


class NotShown(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Artwork:
    """Of a track, as the version of its record with that CID has it."""

    did: Did
    rkey: RecordKey
    cid: Cid

    def __str__(self) -> str:
        return f"track/{self.did}/{self.rkey}/{self.cid}"


@dataclass(frozen=True, slots=True)
class Avatar:
    """Of an account: the blob with that CID, or what the profile record with it names."""

    did: Did
    cid: Cid

    def __str__(self) -> str:
        return f"avatar/{self.did}/{self.cid}"


Picture = Artwork | Avatar


def artwork_at(url: str) -> Artwork:
    """Of an address as views have it."""
    *_, did, rkey, cid = unquote(url).split("/")
    return Artwork(parse_did(did), parse_record_key(rkey), parse_cid(cid))


@dataclass(frozen=True, slots=True)
class Blob:
    did: Did
    cid: Cid


@dataclass(frozen=True, slots=True)
class Address:
    url: str


@dataclass(frozen=True, slots=True)
class Sound:
    """A blob that has a picture in it."""

    did: Did
    cid: Cid


Source = Blob | Address | Sound


async def permit(pool: Pool, namespace: str, picture: Picture) -> tuple[Source, ...]:
    """Where it is, the best first; raises NotShown."""
    if isinstance(picture, Artwork):
        uri = f"at://{picture.did}/{namespace}.track/{picture.rkey}"
        version = f"{picture.did}/{picture.rkey}/{picture.cid}"
        row = await pool.fetchrow(ARTWORK, uri, version)
    else:
        row = await pool.fetchrow(AVATAR, picture.did, str(picture.cid))
    sources: list[Source] = []
    if row is not None and row["blob"] is not None:
        sources.append(Blob(picture.did, parse_cid(row["blob"])))
    if row is not None and row["url"] is not None:
        sources.append(Address(row["url"]))
    if row is not None and row["sound"] is not None:
        sources.append(Sound(picture.did, parse_cid(row["sound"])))
    if not sources:
        raise NotShown(f"no record that is shown has {picture}")
    return tuple(sources)
