"""A label as its labeler signed it: what it says, or why it is refused.

https://atproto.com/specs/label. What is not about an account or a record of ours is passed over
before anything else is looked at: a large labeler speaks mostly of other things.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from reprlib import repr as shortened
from typing import Any, Final

from lexicons.data_model import InvalidData, encode
from lexicons.syntax import (
    Did,
    InvalidSyntax,
    is_cid_format,
    is_did,
    parse_at_uri,
    parse_datetime,
)
from xrpc.keys import PublicKey

VERSION: Final = 1
MAX_VAL_BYTES: Final = 128
MAX_KEY_BYTES: Final = 2_600
"""What an entry of a Postgres index holds, with room to spare: uri, src, val and cid are one."""

SIGNED: Final = ("ver", "src", "uri", "cid", "val", "neg", "cts", "exp")


class LabelReason(StrEnum):
    """Why something that a labeler sent was refused; the label of the metric."""

    MALFORMED_FRAME = "malformed-frame"
    MALFORMED_LABEL = "malformed-label"
    UNKNOWN_VERSION = "unknown-version"
    FOREIGN_SOURCE = "foreign-source"
    BAD_SIGNATURE = "bad-signature"


class LabelRefused(Exception):
    def __init__(self, reason: LabelReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Label:
    """`cid` is empty where all versions are meant; `signed` is what `sig` is over."""

    src: Did
    uri: str
    val: str
    cid: str
    neg: bool
    cts: str
    made_at: datetime
    exp: str | None
    expires_at: datetime | None
    sig: bytes
    signed: bytes

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.uri, self.src, self.val, self.cid

    def is_signed_with(self, key: PublicKey) -> bool:
        return key.verify(self.sig, self.signed, low_s=True)


def parse_label(value: object, labeler: Did, collections: Collection[str]) -> Label | None:
    """None: about nothing of ours. The signature is still to be checked."""
    if not isinstance(value, dict):
        raise _malformed("label", "a map", value)
    uri = _text(value, "uri")
    if not _is_ours(uri, collections):
        return None
    if value.get("ver") != VERSION:
        raise LabelRefused(LabelReason.UNKNOWN_VERSION, f"{uri}: {shortened(value.get('ver'))}")
    if value.get("src") != labeler:
        raise LabelRefused(LabelReason.FOREIGN_SOURCE, f"{uri}: {shortened(value.get('src'))}")
    cid = "" if value.get("cid") is None else _text(value, "cid")
    neg, sig = value.get("neg"), value.get("sig")
    if cid and not is_cid_format(cid):
        raise _malformed("cid", "a CID", cid)
    if neg is not None and type(neg) is not bool:
        raise _malformed("neg", "a boolean", neg)
    if type(sig) is not bytes or len(sig) != 64:
        raise _malformed("sig", "64 bytes", sig)
    label = Label(
        src=labeler,
        uri=uri,
        val=_val(value),
        cid=cid,
        neg=neg is True,
        cts=_text(value, "cts"),
        made_at=_moment(value, "cts"),
        exp=None if value.get("exp") is None else _text(value, "exp"),
        expires_at=None if value.get("exp") is None else _moment(value, "exp"),
        sig=sig,
        signed=_signed(value),
    )
    if sum(len(part.encode()) for part in label.key) > MAX_KEY_BYTES:
        raise _malformed("uri", "what fits an index", uri)
    return label


def _is_ours(uri: str, collections: Collection[str]) -> bool:
    if not uri.startswith("at://"):
        return is_did(uri)
    if uri[5:].partition("/")[2].partition("/")[0] not in collections:
        return False
    try:
        parts = parse_at_uri(uri)
    except InvalidSyntax:
        return False
    return bool(parts.rkey) and is_did(parts.authority) and str(parts) == uri


def _val(value: Mapping[str, Any]) -> str:
    val = _text(value, "val")
    if not 0 < len(val.encode()) <= MAX_VAL_BYTES or not val.isprintable():
        raise _malformed("val", f"1 to {MAX_VAL_BYTES} printable bytes", val)
    return val


def _moment(value: Mapping[str, Any], field: str) -> datetime:
    text = _text(value, field)
    try:
        return parse_datetime(text)
    except InvalidSyntax as error:
        raise _malformed(field, "a datetime", text) from error


def _text(value: Mapping[str, Any], field: str) -> str:
    text = value.get(field)
    if type(text) is not str:
        raise _malformed(field, "a string", text)
    return text


def _signed(value: Mapping[str, Any]) -> bytes:
    """Without what the lexicon does not name; what is false or null was left out by the signer."""
    fields = {name: value[name] for name in SIGNED if value.get(name) not in (None, False)}
    try:
        return encode(fields)
    except InvalidData as error:
        raise _malformed("label", "what the data model holds", fields) from error


def _malformed(field: str, expected: str, got: object) -> LabelRefused:
    return LabelRefused(
        LabelReason.MALFORMED_LABEL, f"{field}: expected {expected}, got {shortened(got)}"
    )
