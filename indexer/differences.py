"""Where the index is not what it should be: one difference, and the kinds there are."""

from dataclasses import dataclass
from enum import StrEnum

from lexicons.syntax import Did


class Kind(StrEnum):
    """docs/audit.md says of each what it means and what mends it."""

    UNTRACKED = "untracked"
    STATE = "state"
    REV = "rev"
    TREE = "tree"
    UNWALKED = "unwalked"
    MISSING = "missing"
    EXTRA = "extra"
    OTHER = "other"
    STATUS = "status"
    HANDLE = "handle"
    KEY = "key"
    PDS = "pds"
    VALUE = "value"
    VERDICT = "verdict"
    ROW = "row"
    LINK = "link"
    VIEW = "view"
    TAKEDOWN = "takedown"
    RECOUNT = "recount"
    COUNT = "count"
    ALBUM = "album"
    SUMS = "sums"


@dataclass(frozen=True, slots=True)
class Difference:
    """`subject`: the account, record or counted URI that it is about. `held`: by the index."""

    did: Did
    kind: Kind
    subject: str
    held: str
    right: str

    @property
    def sentence(self) -> str:
        return f"{self.subject}: {self.kind}: {self.held} in the index, {self.right} is right"
