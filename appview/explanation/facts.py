"""What an explanation is made of."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from appview.row import Row


class Weight(StrEnum):
    FINE = "fine"
    NOTE = "note"
    """Nothing is hidden by it, but somebody may wonder."""
    REASON = "reason"
    """This alone is enough not to show it."""


@dataclass(frozen=True, slots=True)
class Fact:
    topic: str
    text: str
    weight: Weight = Weight.FINE


def note(topic: str, text: str) -> Fact:
    return Fact(topic, text, Weight.NOTE)


def reason(topic: str, text: str) -> Fact:
    return Fact(topic, text, Weight.REASON)


def reasons_of(facts: Iterable[Fact]) -> list[str]:
    return [fact.text for fact in facts if fact.weight is Weight.REASON]


def at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"


def number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def taken_down(row: Row) -> str:
    """By whom, when and why."""
    if row["labeler"]:
        return f"hidden {at(row['created_at'])} by {row['labeler']}, who labels it {row['reason']}"
    why = f": {row['reason']}" if row["reason"] else ""
    return f"taken down here {at(row['created_at'])}{why}"
