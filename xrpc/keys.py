"""Public keys of accounts and the signatures made with them: P-256 and secp256k1.

A key is a curve and a compressed point; its text is a multikey. Signatures are 64 bytes, r and s.
Commits and labels need low-S (https://atproto.com/specs/cryptography); JWTs may be high-S.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from multiformats import multibase

try:
    import coincurve
except ImportError:  # no wheel for this interpreter: OpenSSL does it, eight times slower
    coincurve = None  # type: ignore[assignment]  # stands for "not installed"

Curve = Literal["k256", "p256"]

MAX_MULTIBASE_CHARS: Final = 128
PARSED_KEYS: Final = 16_384

_ECDSA_SHA256: Final = ec.ECDSA(hashes.SHA256())
_CURVES: Final[dict[Curve, ec.EllipticCurve]] = {"k256": ec.SECP256K1(), "p256": ec.SECP256R1()}
_ORDERS: Final[dict[Curve, int]] = {
    "k256": 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141,
    "p256": 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551,
}
_MULTICODECS: Final[dict[Curve, bytes]] = {"k256": b"\xe7\x01", "p256": b"\x80\x24"}
_LEGACY_SUITES: Final[dict[str, Curve]] = {
    "EcdsaSecp256k1VerificationKey2019": "k256",
    "EcdsaSecp256r1VerificationKey2019": "p256",
}


class InvalidKey(ValueError):
    """Not a public key of a curve that atproto knows."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A point known to lie on its curve, when made by one of the parsers below."""

    curve: Curve
    point: bytes

    def __str__(self) -> str:
        return multikey(self)

    def verify(self, signature: bytes, message: bytes, *, low_s: bool) -> bool:
        if len(signature) != 64:
            return False
        r = int.from_bytes(signature[:32])
        s = int.from_bytes(signature[32:])
        order = _ORDERS[self.curve]
        if not (0 < r < order and 0 < s < order):
            return False
        if s > order >> 1:
            if low_s:
                return False
            s = order - s
        der = encode_dss_signature(r, s)
        if self.curve == "k256" and coincurve is not None:
            return bool(_libsecp256k1_key(self.point).verify(der, message))
        return verify_with_openssl(self, der, message)


def verify_with_openssl(key: PublicKey, der_signature: bytes, message: bytes) -> bool:
    try:
        _openssl_key(key.curve, key.point).verify(der_signature, message, _ECDSA_SHA256)
    except InvalidSignature:
        return False
    return True


def parse_multikey(text: str) -> PublicKey:
    """`z…`: multibase base58btc of a two-byte curve code and the compressed point."""
    raw = _decode_multibase(text)
    for curve, code in _MULTICODECS.items():
        if raw.startswith(code):
            if len(raw) != 35:
                raise InvalidKey(f"multikey of {len(raw) - 2} bytes, expected 33")
            return _checked(curve, raw[2:])
    raise InvalidKey(f"multikey of an unknown kind: 0x{raw[:2].hex()}")


def parse_verification_key(suite: str, multibase: str) -> PublicKey:
    """`type` and `publicKeyMultibase` of a verification method."""
    if suite == "Multikey":
        return parse_multikey(multibase)
    curve = _LEGACY_SUITES.get(suite)
    if curve is None:
        raise InvalidKey(f"verification method of an unknown type: {suite[:64]!r}")
    return _checked(curve, _decode_multibase(multibase))


def multikey(key: PublicKey) -> str:
    return multibase.encode(_MULTICODECS[key.curve] + key.point, "base58btc")


def _checked(curve: Curve, point: bytes) -> PublicKey:
    """Take a point in either form that is on the curve and not at infinity."""
    if (len(point), point[:1]) not in {(33, b"\x02"), (33, b"\x03"), (65, b"\x04")}:
        raise InvalidKey(f"{curve} point of {len(point)} bytes is neither compressed nor full")
    try:
        native = _openssl_key(curve, point)
    except ValueError as error:
        raise InvalidKey(f"{curve} point is not on the curve") from error
    if len(point) == 65:
        point = native.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return PublicKey(curve, point)


@lru_cache(maxsize=PARSED_KEYS)
def _openssl_key(curve: Curve, point: bytes) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[curve], point)


@lru_cache(maxsize=PARSED_KEYS)
def _libsecp256k1_key(point: bytes) -> "coincurve.PublicKey":
    return coincurve.PublicKey(point)


def _decode_multibase(text: str) -> bytes:
    if not text.startswith("z"):
        raise InvalidKey("not multibase base58btc")
    if len(text) > MAX_MULTIBASE_CHARS:
        raise InvalidKey(f"multibase of {len(text)} characters")
    try:
        return multibase.decode(text)
    except ValueError as error:
        raise InvalidKey(f"not multibase base58btc: {error}") from error
