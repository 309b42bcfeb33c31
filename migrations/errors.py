"""Why the database could not be opened. Each message is for the operator and names the remedy."""


class CannotOpen(Exception):
    """What the command line catches."""


class WrongVersion(CannotOpen):
    """The schema is older or newer than this program."""


class UnsuitableServer(CannotOpen):
    """A Postgres that we cannot work with, or that does not answer."""


class EmbeddedFailed(CannotOpen):
    """The embedded Postgres does not start."""
