"""Signing keys of both curves, and the wrong ways of signing that a verifier has to refuse."""

from __future__ import annotations

from typing import Literal

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.network.encoding import base58

Curve = Literal["k256", "p256"]

ORDER = {
    "k256": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
    "p256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
}
MULTICODEC = {"k256": b"\xe7\x01", "p256": b"\x80\x24"}


class SigningKey:
    def __init__(self, curve: Curve = "k256") -> None:
        self.curve = curve
        self._private = ec.generate_private_key(
            ec.SECP256K1() if curve == "k256" else ec.SECP256R1()
        )

    def _low(self, message: bytes) -> tuple[int, int]:
        r, s = decode_dss_signature(self.sign_der(message))
        return r, min(s, ORDER[self.curve] - s)

    def sign(self, message: bytes) -> bytes:
        r, s = self._low(message)
        return r.to_bytes(32) + s.to_bytes(32)

    def sign_high_s(self, message: bytes) -> bytes:
        r, s = self._low(message)
        return r.to_bytes(32) + (ORDER[self.curve] - s).to_bytes(32)

    def sign_der(self, message: bytes) -> bytes:
        return self._private.sign(message, ec.ECDSA(SHA256()))

    @property
    def public(self) -> ec.EllipticCurvePublicKey:
        return self._private.public_key()

    @property
    def multikey(self) -> str:
        point = self.public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        return "z" + base58(MULTICODEC[self.curve] + point)

    @property
    def legacy_multibase(self) -> str:
        """What a DID document of 2023 says: the uncompressed point, no multicodec."""
        point = self.public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return "z" + base58(point)
