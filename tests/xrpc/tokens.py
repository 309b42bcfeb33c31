"""Service-auth tokens of a test's own making, right and wrong."""

import base64
from typing import Any

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.network.keys import ORDER
from tests.xrpc.people import ALICE
from xrpc.keys import Curve

SERVICE = "did:web:plyr.test"
NATIVE: dict[Curve, ec.EllipticCurve] = {"k256": ec.SECP256K1(), "p256": ec.SECP256R1()}
ALGORITHMS: dict[Curve, str] = {"k256": "ES256K", "p256": "ES256"}


def encoded(value: object) -> str:
    raw = value if isinstance(value, bytes) else orjson.dumps(value)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def signature(curve: Curve, secret: int, message: bytes, *, high_s: bool = False) -> bytes:
    private = ec.derive_private_key(secret, NATIVE[curve])
    r, s = decode_dss_signature(private.sign(message, ec.ECDSA(hashes.SHA256())))
    low = min(s, ORDER[curve] - s)
    return r.to_bytes(32) + (ORDER[curve] - low if high_s else low).to_bytes(32)


def token(
    now: float,
    header: dict[str, Any] | None = None,
    *,
    curve: Curve = "k256",
    secret: int = 1,
    high_s: bool = False,
    **claims: object,
) -> str:
    """Right as it stands; None leaves a claim or a header field out."""
    head = {"typ": "JWT", "alg": ALGORITHMS[curve]} | (header or {})
    said = {
        "iss": ALICE,
        "aud": SERVICE,
        "lxm": "test.plyr.getThing",
        "exp": int(now) + 60,
        "iat": int(now),
        "jti": "one",
    } | claims
    signed = f"{encoded(without_none(head))}.{encoded(without_none(said))}"
    return f"{signed}.{encoded(signature(curve, secret, signed.encode(), high_s=high_s))}"
