"""The string formats of lexicons, and the types that say a string was checked.

Spec: https://atproto.com/specs/lexicon#string-formats
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NewType

import libipld

from lexicons.cid import is_cid

Did = NewType("Did", str)
Handle = NewType("Handle", str)
AtIdentifier = NewType("AtIdentifier", str)
Nsid = NewType("Nsid", str)
Tid = NewType("Tid", str)
RecordKey = NewType("RecordKey", str)

NO_HANDLE = Handle("handle.invalid")
"""What is shown of an account without a proven one; nobody can have it."""

MAX_DID = 2048
MAX_HANDLE = 253
MAX_NSID = 317
MAX_URI_BYTES = 8192

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_TOP_LABEL = r"[a-zA-Z](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_DID_PATTERN = r"did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]"
_HANDLE_PATTERN = rf"(?:{_LABEL}\.)+{_TOP_LABEL}"
_NSID_PATTERN = rf"{_TOP_LABEL}(?:\.{_LABEL})+\.[a-zA-Z][a-zA-Z0-9]{{0,62}}"
_RECORD_KEY_PATTERN = r"(?!\.{1,2}\Z)[A-Za-z0-9._:~-]{1,512}"
_DID = re.compile(_DID_PATTERN)
_HANDLE = re.compile(_HANDLE_PATTERN)
_NSID = re.compile(_NSID_PATTERN)
_RECORD_KEY = re.compile(_RECORD_KEY_PATTERN)
_AT_URI = re.compile(
    rf"at://({_DID_PATTERN}|{_HANDLE_PATTERN})(?:/({_NSID_PATTERN})(?:/({_RECORD_KEY_PATTERN}))?)?"
)
_TID = re.compile(r"[2-7a-j][2-7a-z]{12}")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,80}:[^\s\x00-\x1f\x7f\ud800-\udfff]+")
# Other multibases than base32 are allowed by the format, and nothing more is said of them.
_OTHER_CID = re.compile(r"(?!b|Qm)[a-zA-Z0-9+=]{8,256}")
_BASE32_CID = re.compile(r"b[a-z2-7]{7,255}")
_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,20})?"
    r"(?:Z|(?!-00:00)[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_YEAR_ZERO_STAND_IN = datetime(400, 1, 1, tzinfo=UTC)
_LANGUAGE = re.compile(
    r"[a-z]{2,3}(?:-[A-Za-z]{3}){0,3}(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*)"
    r"(?P<extensions>(?:-[0-9A-WY-Za-wy-z](?:-[A-Za-z0-9]{2,8})+)*)"
    r"(?:-[Xx](?:-[A-Za-z0-9]{1,8})+)?"
)
_PRIVATE_LANGUAGE = re.compile(r"[Xx](?:-[A-Za-z0-9]{1,8})+")
_GRANDFATHERED = re.compile(
    r"en-GB-oed|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)"
    r"|sgn-(?:BE-FR|BE-NL|CH-DE)|art-lojban|cel-gaulish|no-bok|no-nyn"
    r"|zh-(?:guoyu|hakka|min|min-nan|xiang)"
)
_TID_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
_TID_VALUES = {character: value for value, character in enumerate(_TID_ALPHABET)}
_CLOCK_BITS = 10
_MICROS_LIMIT = 1 << 53


class InvalidSyntax(ValueError):
    def __init__(self, expected: str, text: str) -> None:
        super().__init__(f"expected {expected}, got {text[:100]!r}")


@dataclass(frozen=True, slots=True)
class AtUri:
    """`collection` and `rkey` are empty where the URI does not go that deep."""

    authority: AtIdentifier
    collection: str = ""
    rkey: str = ""

    def __str__(self) -> str:
        if self.rkey:
            return f"at://{self.authority}/{self.collection}/{self.rkey}"
        if self.collection:
            return f"at://{self.authority}/{self.collection}"
        return f"at://{self.authority}"


def is_did(text: str) -> bool:
    return len(text) <= MAX_DID and _DID.fullmatch(text) is not None


def is_handle(text: str) -> bool:
    return len(text) <= MAX_HANDLE and _HANDLE.fullmatch(text) is not None


def is_at_identifier(text: str) -> bool:
    return is_did(text) if text.startswith("did:") else is_handle(text)


def is_nsid(text: str) -> bool:
    return len(text) <= MAX_NSID and _NSID.fullmatch(text) is not None


def is_tid(text: str) -> bool:
    return _TID.fullmatch(text) is not None


def is_record_key(text: str) -> bool:
    return _RECORD_KEY.fullmatch(text) is not None


def is_at_uri(text: str) -> bool:
    return _match_at_uri(text) is not None


def _match_at_uri(text: str) -> re.Match[str] | None:
    match = _AT_URI.fullmatch(text)
    if match is None:
        return None
    authority, collection, _ = match.groups("")
    longest = MAX_DID if authority.startswith("did:") else MAX_HANDLE
    return match if len(authority) <= longest and len(collection) <= MAX_NSID else None


def is_uri(text: str) -> bool:
    return _URI.fullmatch(text) is not None and len(text.encode()) <= MAX_URI_BYTES


def is_cid_format(text: str) -> bool:
    """The lexicon format `cid`, which is wider than the CIDs that data may link with."""
    if is_cid(text) or _OTHER_CID.fullmatch(text) is not None:
        return True
    if _BASE32_CID.fullmatch(text) is None:
        return False
    try:
        libipld.decode_cid(text)
    except ValueError:
        return False
    return True


def is_datetime(text: str) -> bool:
    if _DATETIME.fullmatch(text) is None:
        return False
    # Python counts years from 1: year 400 stands in for year 0, with the same days.
    is_year_zero = text.startswith("0000")
    try:
        moment = datetime.fromisoformat("0400" + text[4:] if is_year_zero else text)
    except ValueError:
        return False
    return not is_year_zero or moment >= _YEAR_ZERO_STAND_IN


def is_language(text: str) -> bool:
    if _GRANDFATHERED.fullmatch(text) or _PRIVATE_LANGUAGE.fullmatch(text):
        return True
    match = _LANGUAGE.fullmatch(text)
    if match is None:
        return False
    variants = match["variants"].lower().split("-")[1:]
    singletons = [tag for tag in match["extensions"].lower().split("-") if len(tag) == 1]
    return len(set(variants)) == len(variants) and len(set(singletons)) == len(singletons)


FORMATS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "at-identifier": is_at_identifier,
        "at-uri": is_at_uri,
        "cid": is_cid_format,
        "datetime": is_datetime,
        "did": is_did,
        "handle": is_handle,
        "language": is_language,
        "nsid": is_nsid,
        "record-key": is_record_key,
        "tid": is_tid,
        "uri": is_uri,
    }
)


def parse_did(text: str) -> Did:
    if not is_did(text):
        raise InvalidSyntax("a DID", text)
    return Did(text)


def parse_handle(text: str) -> Handle:
    if not is_handle(text):
        raise InvalidSyntax("a handle", text)
    return Handle(text.lower())


def parse_nsid(text: str) -> Nsid:
    if not is_nsid(text):
        raise InvalidSyntax("an NSID", text)
    return Nsid(text)


def parse_tid(text: str) -> Tid:
    if not is_tid(text):
        raise InvalidSyntax("a TID", text)
    return Tid(text)


def parse_record_key(text: str) -> RecordKey:
    if not is_record_key(text):
        raise InvalidSyntax("a record key", text)
    return RecordKey(text)


def parse_at_uri(text: str) -> AtUri:
    match = _match_at_uri(text)
    if match is None:
        raise InvalidSyntax("an AT-URI", text)
    authority, collection, rkey = match.groups("")
    return AtUri(AtIdentifier(authority), collection, rkey)


def parse_datetime(text: str) -> datetime:
    """In UTC, cut to microseconds. Valid datetimes exist that Python cannot hold."""
    if not is_datetime(text):
        raise InvalidSyntax("a datetime", text)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidSyntax("a datetime within years 1 to 9999 (out of range)", text) from error


def tid_micros(tid: Tid) -> int:
    """Microseconds since 1970 that the TID claims."""
    value = 0
    for character in tid:
        value = value << 5 | _TID_VALUES[character]
    return value >> _CLOCK_BITS


def tid_from_micros(micros: int) -> Tid:
    """Of clock 0: for who gives out all TIDs of a repository."""
    if not 0 <= micros < _MICROS_LIMIT:
        raise ValueError(f"no TID for {micros} microseconds")
    value = micros << _CLOCK_BITS
    return Tid("".join(_TID_ALPHABET[value >> shift & 31] for shift in range(60, -1, -5)))
