"""Parameters that a lexicon can check only in part."""

from datetime import datetime

from lexicons.syntax import InvalidSyntax, parse_datetime
from xrpc.errors import invalid_request


def moment(name: str, text: str | None, default: datetime) -> datetime:
    if text is None:
        return default
    try:
        return parse_datetime(text)
    except InvalidSyntax as error:
        raise invalid_request(f"{name}: {error}") from error
