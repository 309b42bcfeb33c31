"""Keys: the two implementations agree, and strangers' text raises only InvalidKey."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.network.encoding import base58
from tests.network.keys import MULTICODEC, ORDER
from xrpc.keys import (
    Curve,
    InvalidKey,
    PublicKey,
    multikey,
    parse_multikey,
    parse_verification_key,
    verify_with_openssl,
)

NATIVE: dict[Curve, ec.EllipticCurve] = {"k256": ec.SECP256K1(), "p256": ec.SECP256R1()}
SUITES: dict[Curve, str] = {
    "k256": "EcdsaSecp256k1VerificationKey2019",
    "p256": "EcdsaSecp256r1VerificationKey2019",
}
curves = st.sampled_from(["k256", "p256"])
secrets = st.integers(min_value=1, max_value=2**255)


def make_key(curve: Curve, secret: int) -> tuple[PublicKey, ec.EllipticCurvePrivateKey]:
    private = ec.derive_private_key(secret, NATIVE[curve])
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return PublicKey(curve, point), private


def sign(private: ec.EllipticCurvePrivateKey, curve: Curve, message: bytes) -> tuple[int, int]:
    r, s = decode_dss_signature(private.sign(message, ec.ECDSA(hashes.SHA256())))
    return r, min(s, ORDER[curve] - s)


def compact(r: int, s: int) -> bytes:
    return r.to_bytes(32) + s.to_bytes(32)


@given(curves, secrets, st.binary(max_size=64), st.integers(0, 511))
@settings(max_examples=60)
def test_signatures_verify_in_both_implementations_and_any_flipped_bit_does_not(
    curve: Curve, secret: int, message: bytes, bit: int
) -> None:
    key, private = make_key(curve, secret)
    r, s = sign(private, curve, message)
    assert key.verify(compact(r, s), message, low_s=True)
    assert verify_with_openssl(key, encode_dss_signature(r, s), message)
    flipped = (int.from_bytes(compact(r, s)) ^ (1 << bit)).to_bytes(64)
    assert not key.verify(flipped, message, low_s=True)
    assert not key.verify(flipped, message, low_s=False)


@given(secrets, st.binary(max_size=64), st.binary(min_size=64, max_size=64))
@settings(max_examples=60)
def test_the_fast_and_the_slow_k256_verifier_agree_on_anything(
    secret: int, message: bytes, noise: bytes
) -> None:
    key, private = make_key("k256", secret)
    honest = compact(*sign(private, "k256", message))
    for signature in (honest, noise, honest[:32] + noise[32:], noise[:32] + honest[32:]):
        r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
        slow = 0 < r < ORDER["k256"] and 0 < s < ORDER["k256"]
        slow = slow and verify_with_openssl(key, encode_dss_signature(r, s), message)
        assert key.verify(signature, message, low_s=False) is slow


@given(curves, secrets)
@settings(max_examples=40)
def test_high_s_is_refused_for_commits_and_taken_for_tokens(curve: Curve, secret: int) -> None:
    key, private = make_key(curve, secret)
    r, s = sign(private, curve, b"hello")
    high = compact(r, ORDER[curve] - s)
    assert not key.verify(high, b"hello", low_s=True)
    assert key.verify(high, b"hello", low_s=False)


@pytest.mark.parametrize("curve", ["k256", "p256"])
def test_degenerate_signatures_are_false_not_errors(curve: Curve) -> None:
    key, private = make_key(curve, 7)
    r, s = sign(private, curve, b"hello")
    order = ORDER[curve]
    outside = [(0, s), (r, 0), (0, 0), (order, s), (r, order), (2**256 - 1, 2**256 - 1)]
    for signature in [b"", b"\0" * 63, b"\0" * 65, *(compact(*pair) for pair in outside)]:
        assert not key.verify(signature, b"hello", low_s=False)
        assert not key.verify(signature, b"hello", low_s=True)


@given(curves, secrets)
@settings(max_examples=40)
def test_every_text_form_of_a_key_reads_back_as_the_same_key(curve: Curve, secret: int) -> None:
    key, private = make_key(curve, secret)
    assert parse_multikey(multikey(key)) == key
    assert parse_verification_key("Multikey", str(key)) == key
    full = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert parse_verification_key(SUITES[curve], "z" + base58(full)) == key
    assert parse_verification_key(SUITES[curve], "z" + base58(key.point)) == key


@given(st.text(max_size=200) | st.binary(max_size=70).map(lambda raw: "z" + base58(raw)))
@settings(max_examples=300)
def test_any_text_is_a_key_or_raises_invalid_key(text: str) -> None:
    for parse in (
        parse_multikey,
        lambda t: parse_verification_key("EcdsaSecp256k1VerificationKey2019", t),
        lambda t: parse_verification_key(t, t),
    ):
        try:
            key: Any = parse(text)
        except InvalidKey:
            continue
        assert multikey(key)


@given(curves, st.binary(min_size=32, max_size=32))
@settings(max_examples=60)
def test_a_point_off_the_curve_is_no_key(curve: Curve, x: bytes) -> None:
    text = "z" + base58(MULTICODEC[curve] + b"\x02" + x)
    if is_on(curve, int.from_bytes(x)):
        assert not parse_multikey(text).verify(b"\1" * 64, b"", low_s=False)
    else:
        with pytest.raises(InvalidKey):
            parse_multikey(text)


def is_on(curve: Curve, x: int) -> bool:
    """Whether x ** 3 + a * x + b has a root."""
    prime, a, b = {
        "k256": (2**256 - 2**32 - 977, 0, 7),
        "p256": (
            2**256 - 2**224 + 2**192 + 2**96 - 1,
            -3,
            0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        ),
    }[curve]
    return x < prime and pow(x**3 + a * x + b, (prime - 1) // 2, prime) <= 1


def test_keys_of_other_kinds_are_refused() -> None:
    ed25519 = "z" + base58(b"\xed\x01" + bytes(32))
    for text in (ed25519, "z", "", "zz", "m" + "A" * 40, "z" + "1" * 5000):
        with pytest.raises(InvalidKey):
            parse_multikey(text)
