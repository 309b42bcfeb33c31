"""Our clock against those of others: a rev of the future is refused, and we would refuse all."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from appview.checks.finding import Finding, fail, ok, warn

MOST_SKEW = timedelta(seconds=60)
HALF_A_SECOND = timedelta(seconds=0.5)


def ahead_of_us(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """What a Date header says; it names whole seconds."""
    try:
        said = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return None
    if said.tzinfo is None:
        said = said.replace(tzinfo=UTC)
    return said + HALF_A_SECOND - now


def check_clock(others: Sequence[Finding]) -> Finding:
    """Whoever is nearest to us is believed: several wrong clocks do not agree by chance."""
    known = [(each.ahead, each.topic) for each in others if each.ahead is not None]
    if not known:
        return warn("clock", "nobody told the time", "ask again when the others answer")
    ahead, topic = min(known, key=lambda one: abs(one[0]))
    seconds = ahead.total_seconds()
    if abs(ahead) > MOST_SKEW:
        side = "behind" if seconds > 0 else "ahead of"
        text = f"{abs(seconds):.0f} s {side} that of {topic}, the nearest"
        remedy = "set the clock of this machine: revs of the future are refused"
        return fail("clock", text, remedy)
    apart = [topic for ahead, topic in known if abs(ahead) > MOST_SKEW]
    if apart:
        remedy = "theirs seems to be wrong, ours agrees with others"
        return warn("clock", f"more than a minute apart from {', '.join(apart)}", remedy)
    return ok("clock", f"within {abs(seconds):.0f} s of {topic}")
