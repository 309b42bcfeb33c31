"""Where the sound of a track can be had, best first. Pure.

Our own address comes first, whatever else there is: it seeks, is held to its CID on the way, and
asks the others by itself. What a stranger's record names is no source (R30).
"""

from typing import Final
from urllib.parse import urlencode

from appview.media.kinds import UNKNOWN, canonical
from appview.row import Row
from appview.rules import Trust, is_public
from lexicons.types import Source

_OURS: Final = "/xrpc/fm.plyr.playback.getBlob"
_AT_PDS: Final = "/xrpc/com.atproto.sync.getBlob"


def sources(row: Row, trust: Trust, max_blob_bytes: int | None) -> list[Source]:
    """Of a track that is neither gated nor taken down: that is for the caller to see to."""
    has_blob = row["audio_cid"] is not None
    is_small = max_blob_bytes is None or (row["audio_size"] or 0) <= max_blob_bytes
    ours = [_ours(row, trust.origin)] if has_blob and is_small else []
    at_pds = [_at_pds(row)] if has_blob and is_public(row["pds"] or "") else []
    at_cdn = [_at_cdn(row)] if trust.covers(row["audio_url"]) else []
    if row["check_status"] == "ok":
        return [*ours, *at_cdn, *at_pds]
    return [*ours, *at_pds, *at_cdn]


def _ours(row: Row, origin: str) -> Source:
    source: Source = {
        "url": _blob_url(origin, _OURS, row),
        "kind": "appview-blob",
        "mimeType": _blob_mime(row),
        "cid": row["audio_cid"],
        "integrity": "cid-verified",
        "ranges": True,
        "cors": True,
        "status": "unknown" if row["read_at"] is None else "ok",
    }
    if row["read_at"] is not None:
        source["checkedAt"] = row["read_at"]
    return _unless_missing(_with_facts(source, row), row)


def _at_pds(row: Row) -> Source:
    """Whole, as an attachment, and without a promise to scripts: that is all its protocol asks."""
    source: Source = {
        "url": _blob_url(row["pds"], _AT_PDS, row),
        "kind": "pds-blob",
        "mimeType": _blob_mime(row),
        "cid": row["audio_cid"],
        "integrity": "cid-declared",
        "ranges": False,
        "cors": False,
        "status": "unknown",
    }
    return _unless_missing(_with_facts(source, row), row)


def _at_cdn(row: Row) -> Source:
    source: Source = {
        "url": row["audio_url"],
        "kind": "cdn",
        "mimeType": canonical(row["url_mime"]) or canonical(f"audio/{row['file_type']}") or UNKNOWN,
        "integrity": "unverified",
        "ranges": row["ranges"] or False,
        "cors": row["cors"] or False,
        "status": row["check_status"] or "unknown",
    }
    if row["url_size"] is not None:
        source["size"] = row["url_size"]
    if row["checked_at"] is not None:
        source["checkedAt"] = row["checked_at"]
    return source


def _unless_missing(source: Source, row: Row) -> Source:
    """What the PDS does not have, we cannot have of it."""
    if row["audio_missing"]:
        source["status"] = "dead"
        source["checkedAt"] = row["missing_at"]
    return source


def _with_facts(source: Source, row: Row) -> Source:
    """What was read from the bytes; before that the record's word for how many they are."""
    size = row["audio_size"] if row["fact_size"] is None else row["fact_size"]
    if size is not None:
        source["size"] = size
    if row["codec"] is not None:
        source["codec"] = row["codec"]
    if row["lossless"] is not None:
        source["lossless"] = row["lossless"]
    if row["bitrate"] is not None:
        source["bitrate"] = row["bitrate"]
    if row["sample_rate"] is not None:
        source["sampleRate"] = row["sample_rate"]
    if row["channels"] is not None:
        source["channels"] = row["channels"]
    return source


def _blob_mime(row: Row) -> str:
    return row["fact_mime"] or canonical(row["audio_mime"]) or UNKNOWN


def _blob_url(origin: str, path: str, row: Row) -> str:
    return f"{origin}{path}?{urlencode({'did': row['did'], 'cid': row['audio_cid']}, safe=':')}"
