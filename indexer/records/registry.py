"""Every record type there is. To add one: its file, its line here, its table in a migration."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from indexer.records.bsky_profile import BSKY_PROFILE
from indexer.records.comment import COMMENT
from indexer.records.like import LIKE
from indexer.records.list import LIST
from indexer.records.profile import PROFILE
from indexer.records.record_type import RecordType
from indexer.records.track import TRACK
from lexicons.syntax import Nsid

RECORD_TYPES: tuple[RecordType[Any], ...] = (TRACK, LIKE, COMMENT, LIST, PROFILE, BSKY_PROFILE)


def record_types(namespace: str) -> Mapping[Nsid, RecordType[Any]]:
    """By exact NSID: `fm.plyr.dev.track` is no track of `fm.plyr`."""
    return MappingProxyType({kind.collection(namespace): kind for kind in RECORD_TYPES})
