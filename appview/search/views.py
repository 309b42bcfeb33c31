"""What a result is and why it is one, as clients see it."""

from appview.search.match import Match
from lexicons.types import Match as MatchView


def match_view(match: Match) -> MatchView:
    return {"class": match.of.label, "field": match.field}
