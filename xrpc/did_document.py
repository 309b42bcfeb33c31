"""What a DID document says of an account: its key, its PDS, the handle it claims, its labeler.

https://atproto.com/specs/did#did-documents. Where an entry stands twice, the first is taken; what
is unusable is absent, and only a document that is not about the DID is refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lexicons.syntax import Did, Handle, InvalidSyntax, parse_handle
from xrpc.keys import InvalidKey, PublicKey, parse_verification_key


class InvalidDocument(ValueError):
    """Not a document, or not of the DID that was asked for."""


@dataclass(frozen=True, slots=True)
class DidDocument:
    did: Did
    key: PublicKey | None
    pds: str | None
    claimed_handle: Handle | None
    label_key: PublicKey | None = None
    labeler: str | None = None


def parse_did_document(did: Did, document: object) -> DidDocument:
    if not isinstance(document, dict):
        raise InvalidDocument(f"{did}: the document is not an object")
    if document.get("id") != did:
        raise InvalidDocument(f"{did}: the document is of {str(document.get('id'))[:100]!r}")
    return DidDocument(
        did,
        _key(did, document, "#atproto"),
        _service(did, document, "#atproto_pds", "AtprotoPersonalDataServer"),
        _claimed_handle(document),
        _key(did, document, "#atproto_label"),
        _service(did, document, "#atproto_labeler", "AtprotoLabeler"),
    )


def service_origin(endpoint: object) -> str | None:
    """`https://host[:port]`, and nothing after it; None for anything else."""
    if not isinstance(endpoint, str) or len(endpoint) > 1_024 or not endpoint.isascii():
        return None
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc:
        return None
    if parts.path not in {"", "/"} or parts.query or parts.fragment or endpoint[-1] in "?#":
        return None
    if not endpoint.isprintable() or any(char in " %\\" for char in endpoint):
        return None
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")


def _key(did: Did, document: Mapping[str, Any], name: str) -> PublicKey | None:
    for method in _entries(document, "verificationMethod"):
        if method.get("id") in (name, did + name) and method.get("controller") == did:
            suite, multibase = method.get("type"), method.get("publicKeyMultibase")
            if not (isinstance(suite, str) and isinstance(multibase, str)):
                return None
            try:
                return parse_verification_key(suite, multibase)
            except InvalidKey:
                return None
    return None


def _service(did: Did, document: Mapping[str, Any], name: str, kind: str) -> str | None:
    for service in _entries(document, "service"):
        if service.get("id") in (name, did + name):
            if service.get("type") != kind:
                return None
            return service_origin(service.get("serviceEndpoint"))
    return None


def _claimed_handle(document: Mapping[str, Any]) -> Handle | None:
    known_as = document.get("alsoKnownAs")
    for alias in known_as if isinstance(known_as, list) else ():
        if isinstance(alias, str) and alias.startswith("at://"):
            try:
                return parse_handle(alias.removeprefix("at://"))
            except InvalidSyntax:
                continue
    return None


def _entries(document: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    found = document.get(name)
    for entry in found if isinstance(found, list) else ():
        if isinstance(entry, dict):
            yield entry
