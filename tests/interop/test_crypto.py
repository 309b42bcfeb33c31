"""The public crypto vectors: signatures, and did:keys of private keys."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.interop.vectors import INTEROP, require_interop
from xrpc.keys import Curve, PublicKey, multikey, parse_multikey, parse_verification_key

require_interop()


def vectors(name: str) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((INTEROP / "crypto" / name).read_text())
    return loaded


def decode_unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))


def key_of(did: str) -> PublicKey:
    return parse_multikey(did.removeprefix("did:key:"))


@pytest.mark.parametrize("vector", vectors("signature-fixtures.json"), ids=lambda v: v["comment"])
def test_signature_fixture(vector: dict[str, Any]) -> None:
    message = decode_unpadded(vector["messageBase64"])
    signature = decode_unpadded(vector["signatureBase64"])
    key = key_of(vector["publicKeyDid"])
    legacy = parse_verification_key(vector["didDocSuite"], vector["publicKeyMultibase"])
    assert legacy == key
    assert "did:key:" + multikey(key) == vector["publicKeyDid"]
    assert key.verify(signature, message, low_s=True) is vector["validSignature"]
    assert not key.verify(signature, message + b"!", low_s=False)


@pytest.mark.parametrize("vector", vectors("signature-fixtures.json"), ids=lambda v: v["comment"])
def test_only_der_is_refused_where_high_s_is_allowed(vector: dict[str, Any]) -> None:
    message = decode_unpadded(vector["messageBase64"])
    signature = decode_unpadded(vector["signatureBase64"])
    key = key_of(vector["publicKeyDid"])
    assert key.verify(signature, message, low_s=False) is ("der-encoded" not in vector["tags"])


@pytest.mark.parametrize(
    "vector",
    vectors("w3c_didkey_K256.json") + vectors("w3c_didkey_P256.json"),
    ids=lambda v: v["publicDidKey"],
)
def test_private_key_gives_the_did_key(vector: dict[str, Any]) -> None:
    if "privateKeyBytesHex" in vector:
        secret, curve = bytes.fromhex(vector["privateKeyBytesHex"]), ec.SECP256K1()
        number = int.from_bytes(secret)
        expected: PublicKey = public_key("k256", curve, number)
    else:
        number = base58_number(vector["privateKeyBytesBase58"])
        expected = public_key("p256", ec.SECP256R1(), number)
    assert key_of(vector["publicDidKey"]) == expected
    assert f"did:key:{expected}" == vector["publicDidKey"]


def base58_number(text: str) -> int:
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number = 0
    for char in text:
        number = number * 58 + alphabet.index(char)
    return number


def public_key(name: Curve, curve: ec.EllipticCurve, secret: int) -> PublicKey:
    native = ec.derive_private_key(secret, curve).public_key()
    return PublicKey(name, native.public_bytes(Encoding.X962, PublicFormat.CompressedPoint))
