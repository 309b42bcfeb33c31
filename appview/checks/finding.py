"""What one look found, and what to do about it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """`ahead`: by how much the clock of whoever was asked is ahead of ours."""

    topic: str
    level: Level
    text: str
    remedy: str | None = None
    ahead: timedelta | None = None


def ok(topic: str, text: str, ahead: timedelta | None = None) -> Finding:
    return Finding(topic, Level.OK, text, ahead=ahead)


def warn(topic: str, text: str, remedy: str, ahead: timedelta | None = None) -> Finding:
    return Finding(topic, Level.WARN, text, remedy, ahead)


def fail(topic: str, text: str, remedy: str, ahead: timedelta | None = None) -> Finding:
    return Finding(topic, Level.FAIL, text, remedy, ahead)
