"""A document of the search index, made of the rows it describes. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from urllib.parse import urlsplit

import asyncpg

from lexicons.terms import (
    TIERS,
    Kind,
    attribute,
    document_terms,
    misspellings,
    of_length,
    of_time,
    whole,
)
from lexicons.words import Cut, cut, is_unspaced

SHORTEST_MISSPELT, LONGEST_MISSPELT = 4, 24
SHORTEST_WORD = 3
BEGAN = datetime(2020, 1, 1, tzinfo=UTC)
DAYS_WORTH_A_DOUBLING = 180.0

# Whose handles end like this say nothing by it.
EVERYBODYS = (".bsky.social",)


@dataclass(frozen=True, slots=True)
class Document:
    """`fields` are those of lexicons.terms.FIELDS; what is found by its `alias` needs all of it."""

    kind: Kind
    key: str
    fields: tuple[str, ...]
    attributes: tuple[str, ...]
    points: int
    at: datetime
    ages: bool = True
    duration_ms: int | None = None
    alias: str = ""

    @property
    def rank(self) -> float:
        """Doublings of what speaks for it, and its youth: half a year is worth one of them."""
        doublings = math.floor(math.log2(1 + max(self.points, 0)))
        if not self.ages:
            return float(doublings)
        return doublings + (self.at - BEGAN).total_seconds() / 86_400 / DAYS_WORTH_A_DOUBLING


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index holds of a document, its shelf aside."""

    document: Document
    lines: str
    terms: frozenset[str]
    words: frozenset[str]
    """Those that may be meant when another spelling is asked for."""

    @classmethod
    def of(cls, document: Document) -> Self:
        fields = [cut(field) for field in document.fields]
        lines = [line(field) for field in fields]
        terms = document_terms(fields).union(document.attributes)
        if document.alias:
            alias = whole(cut(document.alias).text)
            lines.append(alias)
            terms.add(alias)
        found = {word for field in fields for word in field.forms}
        return cls(
            document, "\n".join(lines), frozenset(terms), frozenset(filter(is_misspelt, found))
        )


def is_misspelt(word: str) -> bool:
    """Some may write it in another way, or know only a part of it."""
    return len(word) >= SHORTEST_WORD and not is_unspaced(word)


def line(field: Cut) -> str:
    """The words, each between spaces; behind a tab those that punctuation joins or parts."""
    others = " ".join((*field.joined, *field.parted))
    return f" {field.text} \t {others} " if others else f" {field.text} "


def spellings(word: str) -> list[str]:
    if SHORTEST_MISSPELT <= len(word) <= LONGEST_MISSPELT:
        return sorted(misspellings(word))
    return []


def tier_of(rank: float, thresholds: Sequence[float]) -> int:
    """How many of the thresholds, highest first, the rank stays below."""
    return min(sum(rank < threshold for threshold in thresholds), TIERS - 1)


def track_document(row: asyncpg.Record) -> Document:
    attributes = [
        attribute("author", row["did"]),
        attribute("file", row["file_type"].lower()),
        *(attribute("tag", tag) for tag in row["tags"]),
        *_audio(row["gate_type"], row["audio_cid"], row["audio_url"]),
        *of_time(row["sort_at"]),
    ]
    if row["duration_ms"] is not None:
        attributes.append(of_length(row["duration_ms"]))
    return Document(
        kind="track",
        key=row["uri"],
        fields=(row["title"], row["artist"], row["album"] or "", ", ".join(row["tags"])),
        attributes=tuple(attributes),
        points=row["points"],
        at=row["sort_at"],
        duration_ms=row["duration_ms"],
    )


def _audio(gate: str | None, cid: str | None, url: str | None) -> Iterable[str]:
    """Where its bytes are said to be: which hosts are trusted is for those who read."""
    if gate is not None:
        return
    if cid is not None:
        yield attribute("audio", "blob")
    if url is not None and url.startswith("https://"):
        yield attribute("audio", f"https://{urlsplit_host(url)}/")


def urlsplit_host(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


def list_document(row: asyncpg.Record) -> Document | None:
    if not row["name"]:
        return None
    return Document(
        kind="list",
        key=row["uri"],
        fields=(row["name"], author_name(row)),
        attributes=(attribute("type", row["list_type"] or ""),),
        points=row["points"],
        at=row["sort_at"],
    )


def album_document(row: asyncpg.Record) -> Document:
    return Document(
        kind="album",
        key=row["key"],
        fields=(row["title"], author_name(row)),
        attributes=(),
        points=row["points"],
        at=row["sort_at"],
    )


def actor_document(row: asyncpg.Record) -> Document | None:
    if not row["handle"] and not row["display_name"]:
        return None
    return Document(
        kind="actor",
        key=row["did"],
        fields=(row["display_name"] or "", own_part(row["handle"] or "")),
        attributes=(),
        points=row["points"],
        at=row["first_seen_at"],
        ages=False,
        alias=row["handle"] or "",
    )


def author_name(row: asyncpg.Record) -> str:
    return row["display_name"] or own_part(row["handle"] or "")


def own_part(handle: str) -> str:
    for ending in EVERYBODYS:
        if handle.endswith(ending):
            return handle.removesuffix(ending)
    return handle.rpartition(".")[0] or handle
