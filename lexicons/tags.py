"""How a tag is written here, whoever wrote it: lower case, single spaces, nothing at its edges."""

_HASHES = "#\uff03"
EDGE = "".join(
    [_HASHES, ".,;:!?'\"`*_~-()[]{}<>/\\|", "\u2026\u201c\u201d\u2018\u2019\u00ab\u00bb"]
)


def plain_tag(text: str) -> str:
    return " ".join(text.lower().split()).strip(EDGE)


def beginning_of_tag(text: str) -> str:
    """As plain_tag, but what is at its end may stand in the middle of a tag."""
    return " ".join(text.lower().split()).lstrip(EDGE)
