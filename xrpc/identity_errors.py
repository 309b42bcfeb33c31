"""Why an identity is not known. Definitive: asking again at once would not help."""

from typing import ClassVar


class IdentityError(Exception):
    is_definitive: ClassVar[bool] = True


class DidNotFound(IdentityError):
    """Nobody has registered it."""


class DidTombstoned(IdentityError):
    """Its owner gave it up for good."""


class DidUnsupported(IdentityError):
    """A method, or a form of did:web, that atproto does not use."""


class DidDocumentInvalid(IdentityError):
    """There is a document, and it is not one of this DID."""


class HandleNotResolved(IdentityError):
    """The handle points at no DID, or at several."""


class IdentityUnavailable(IdentityError):
    """No answer this time."""

    is_definitive: ClassVar[bool] = False
