"""Service auth: whose token is believed, and for what."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from lexicons.syntax import Did
from tests.xrpc.methods import CATALOG, GET, PUT, asking, envelope
from tests.xrpc.people import ALICE, BOB, Running, World, document, new_key, running
from tests.xrpc.tokens import SERVICE, encoded, token
from xrpc.auth import ServiceAuth
from xrpc.errors import XrpcError
from xrpc.keys import PublicKey, multikey
from xrpc.server import Hooks
from xrpc.service_token import MAX_TOKEN_CHARS, parse_token

AUDIENCES = frozenset({SERVICE, f"{SERVICE}#plyr_appview"})


def with_key(key: PublicKey, did: Did = ALICE) -> dict[str, Any]:
    method = document(did)["verificationMethod"][0]
    return document(did, verificationMethod=[method | {"publicKeyMultibase": multikey(key)}])


@dataclass(slots=True)
class Asking:
    it: Running
    auth: ServiceAuth

    @property
    def now(self) -> float:
        return self.it.world.clock.now.timestamp()

    async def ask(self, text: str, nsid: str = GET) -> Did:
        return await self.auth(f"Bearer {text}", CATALOG.methods[nsid])

    async def refused(self, text: str, nsid: str = GET) -> str:
        with pytest.raises(XrpcError) as caught:
            await self.ask(text, nsid)
        assert caught.value.status == 401
        assert caught.value.headers["www-authenticate"] == "Bearer"
        return caught.value.name


@asynccontextmanager
async def signing(documents: dict[str, Any] | None = None) -> AsyncIterator[Asking]:
    world = World(documents=documents or {ALICE: with_key(new_key())})
    async with running(world) as it:
        auth = ServiceAuth(AUDIENCES, it.resolver, lambda: world.clock().timestamp())
        yield Asking(it, auth)


async def test_case_113_the_audience_is_this_service_bare_or_with_its_fragment() -> None:
    async with signing() as it:
        assert await it.ask(token(it.now)) == ALICE
        assert await it.ask(token(it.now, aud=f"{SERVICE}#plyr_appview")) == ALICE
        for audience in (f"{SERVICE}#other", "did:web:other.test", SERVICE + "#", "", None, 7):
            assert await it.refused(token(it.now, aud=audience)) == "BadJwtAudience"


async def test_case_114_a_token_lives_for_a_stated_and_short_time() -> None:
    async with signing() as it:
        now = it.now
        assert await it.ask(token(now, exp=now + 3_600)) == ALICE
        assert await it.ask(token(now, iat=None, exp=now + 0.5)) == ALICE
        assert await it.refused(token(now, exp=now - 1)) == "JwtExpired"
        assert await it.refused(token(now, exp=now)) == "JwtExpired"
        for claims in (
            {"exp": None}, {"exp": now + 7_200}, {"exp": "soon"}, {"exp": True}, {"exp": 1e300},
            {"iat": now + 60}, {"nbf": now + 60}, {"iat": "x"},
        ):  # fmt: skip
            assert await it.refused(token(now, **claims)) == "BadJwt"


async def test_case_115_the_token_names_the_method() -> None:
    async with signing() as it:
        for method in ("test.plyr.getOther", "test.plyr.getthing", "", None, ["x"]):
            assert await it.refused(token(it.now, lxm=method)) == "BadJwtLexiconMethod"
        assert await it.refused(token(it.now), PUT) == "BadJwtLexiconMethod"


@pytest.mark.parametrize("kind", ["at+jwt", "refresh+jwt", "dpop+jwt", "AT+JWT", "", 7])
async def test_case_116_tokens_of_another_kind_are_refused(kind: object) -> None:
    async with signing() as it:
        assert await it.refused(token(it.now, {"typ": kind})) == "BadJwtType"


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS256", "ES384", "", None, 7, []])
async def test_case_117_only_the_two_algorithms_of_accounts_are_accepted(algorithm: object) -> None:
    async with signing() as it:
        assert await it.refused(token(it.now, {"alg": algorithm})) == "BadJwt"
        assert it.it.documents_asked == 0


@pytest.mark.parametrize("high_s", [True, False])
async def test_case_118_both_curves_are_accepted_with_low_and_with_high_s(high_s: bool) -> None:
    native = ec.derive_private_key(9, ec.SECP256R1()).public_key()
    point = native.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    bob = with_key(PublicKey("p256", point), BOB)
    async with signing({ALICE: with_key(new_key(7)), BOB: bob}) as it:
        assert await it.ask(token(it.now, secret=7, high_s=high_s)) == ALICE
        by_bob = token(it.now, curve="p256", secret=9, high_s=high_s, iss=BOB)
        assert await it.ask(by_bob) == BOB
        wrong_curve = token(it.now, {"alg": "ES256"}, secret=7)
        assert await it.refused(wrong_curve) == "BadJwtSignature"


async def test_case_119_a_der_signature_is_refused() -> None:
    async with signing() as it:
        signed = token(it.now).rpartition(".")[0]
        private = ec.derive_private_key(1, ec.SECP256K1())
        der = private.sign(signed.encode(), ec.ECDSA(hashes.SHA256()))
        assert await it.refused(f"{signed}.{encoded(der)}") == "BadJwtSignature"
        assert await it.refused(f"{signed}.") == "BadJwtSignature"


async def test_case_120_a_rotated_key_is_looked_up_once_and_the_old_one_fails() -> None:
    async with signing() as it:
        assert await it.ask(token(it.now)) == ALICE
        it.it.world.documents[ALICE] = with_key(new_key(5))
        assert await it.ask(token(it.now, secret=5)) == ALICE
        assert it.it.documents_asked == 2
        assert await it.refused(token(it.now, secret=1)) == "BadJwtSignature"


async def test_a_forged_signature_costs_one_question_and_then_few() -> None:
    async with signing() as it:
        for _ in range(100):
            assert await it.refused(token(it.now, secret=666)) == "BadJwtSignature"
        assert it.it.documents_asked <= 6


@pytest.mark.parametrize("found", [404, 410, 500, {}, document(ALICE, verificationMethod=[])])
async def test_case_121_an_issuer_that_cannot_be_resolved_is_401(found: object) -> None:
    async with signing({ALICE: found}) as it:
        assert await it.refused(token(it.now)) in {"BadJwtIssuer", "BadJwtSignature"}


@pytest.mark.parametrize(
    "issuer",
    [f"{ALICE}#atproto", f"{ALICE}#atproto_labeler", "alice.test", "", None, 7, "did:key:zQ3sh"],
)
async def test_case_122_the_issuer_is_a_bare_did(issuer: object) -> None:
    async with signing() as it:
        assert await it.refused(token(it.now, iss=issuer)) == "BadJwtIssuer"


async def test_case_122_the_key_is_the_accounts_own() -> None:
    async with signing() as it:
        assert await it.ask(token(it.now, {"kid": "#atproto"})) == ALICE
        for kid in ("#other", "#atproto_label", "", 7):
            assert await it.refused(token(it.now, {"kid": kid})) == "BadJwt"


async def test_a_token_that_asks_for_extensions_is_refused() -> None:
    async with signing() as it:
        assert await it.refused(token(it.now, {"crit": ["exp"], "exp": 1})) == "BadJwt"


async def test_case_123_a_token_is_used_once_for_a_procedure_and_often_for_queries() -> None:
    async with signing({ALICE: with_key(new_key()), BOB: with_key(new_key(), BOB)}) as it:
        query = token(it.now)
        for _ in range(3):
            assert await it.ask(query) == ALICE
        call = token(it.now, lxm=PUT)
        assert await it.ask(call, PUT) == ALICE
        assert await it.refused(call, PUT) == "JwtReplayed"
        again = token(it.now, lxm=PUT, iat=it.now - 1)
        assert await it.refused(again, PUT) == "JwtReplayed"
        assert await it.ask(token(it.now, lxm=PUT, jti="two"), PUT) == ALICE
        assert await it.ask(token(it.now, lxm=PUT, iss=BOB), PUT) == BOB


async def test_case_123_a_token_without_jti_is_used_once_too() -> None:
    async with signing() as it:
        call = token(it.now, lxm=PUT, jti=None)
        assert await it.ask(call, PUT) == ALICE
        assert await it.refused(call, PUT) == "JwtReplayed"
        assert await it.refused(token(it.now, lxm=PUT, jti=None, high_s=True), PUT) == "JwtReplayed"


async def test_a_forged_call_does_not_use_up_the_real_one() -> None:
    async with signing() as it:
        assert await it.refused(token(it.now, lxm=PUT, secret=2), PUT) == "BadJwtSignature"
        assert await it.ask(token(it.now, lxm=PUT), PUT) == ALICE


async def test_unknown_issuers_do_not_use_up_the_rate_of_the_directory() -> None:
    async with signing() as it:
        assert await it.ask(token(it.now)) == ALICE
        refused = []
        for number in range(300):
            with pytest.raises(XrpcError) as caught:
                await it.ask(token(it.now, iss=f"did:plc:{number}", secret=2))
            refused.append(caught.value.status)
        assert refused.count(503) == 101
        assert it.it.documents_asked == 200
        assert await it.ask(token(it.now)) == ALICE, "whoever is known does not wait for them"


async def test_forged_tokens_of_known_accounts_do_not_use_up_the_rate_of_the_directory() -> None:
    people = [Did(f"did:plc:{number:024}") for number in range(300)]
    async with signing({did: with_key(new_key(), did) for did in people}) as it:
        for did in people:
            await it.it.resolver.resolve(did)
        refused = []
        for did in people:
            with pytest.raises(XrpcError) as caught:
                await it.ask(token(it.now, iss=did, secret=2))
            refused.append(caught.value.status)
        assert refused == [401] * 100 + [503] * 200
        assert it.it.documents_asked == 400
        assert await it.ask(token(it.now, iss=people[-1])) == people[-1]


async def test_what_is_remembered_of_a_used_token_is_short() -> None:
    async with signing() as it:
        jti = "j" * 5_000
        assert await it.ask(token(it.now, lxm=PUT, jti=jti), PUT) == ALICE
        assert await it.refused(token(it.now, lxm=PUT, jti=jti), PUT) == "JwtReplayed"
        assert await it.ask(token(it.now, lxm=PUT, jti=jti + "k"), PUT) == ALICE
    assert len(parse_token(token(it.now, jti=jti), it.now).replay_key) < 100


@pytest.mark.parametrize(
    "authorization",
    ["Basic YWRtaW46eA==", "bearer", "Bearer", "Bearer ", "token", "Bearer a.b", "Bearer a.b.c.d",
     "Bearer ..", "Bearer e30.e30.", "Bearer W10.W10.", "Bearer é.é.é", "Bearer " + "a" * 100_000],
)  # fmt: skip
async def test_what_is_no_token_is_401(authorization: str) -> None:
    async with signing() as it:
        with pytest.raises(XrpcError) as caught:
            await it.auth(authorization, CATALOG.methods[GET])
        assert caught.value.status == 401


async def test_a_good_token_with_anything_more_is_none() -> None:
    async with signing() as it:
        good = token(it.now)
        assert await it.ask(good) == ALICE
        assert await it.refused(f"{good}.{good.rpartition('.')[2]}") == "BadJwt"
        assert await it.refused(token(it.now, jti="x" * MAX_TOKEN_CHARS)) == "BadJwt"
        with pytest.raises(XrpcError) as caught:
            await it.auth(f"DPoP {good}", CATALOG.methods[GET])
        assert caught.value.status == 401


async def test_case_124_over_http_a_bad_token_is_401_and_a_good_one_the_viewer() -> None:
    async with signing() as it, asking(hooks=Hooks(authenticate=it.auth)) as client:
        good = {"authorization": f"Bearer {token(it.now)}"}
        assert (await client.get(f"{GET}?q=a", headers=good)).json()["said"]["viewer"] == ALICE
        bad = {"authorization": f"Bearer {token(it.now, aud='did:web:other.test')}"}
        assert envelope(await client.get(f"{GET}?q=a", headers=bad))[:2] == (401, "BadJwtAudience")
        assert (await client.get(f"{GET}?q=a")).json()["said"]["viewer"] is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)  # fmt: skip
headers = st.fixed_dictionaries(
    {}, optional={name: json_values | st.sampled_from(["JWT", "ES256"]) for name in
                  ("typ", "alg", "kid", "crit")},
)  # fmt: skip
claims = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("iss", "aud", "lxm", "exp", "iat", "nbf", "jti"), json_values)
)


@given(
    st.text(max_size=60)
    | st.tuples(headers | json_values, claims | json_values, st.binary(max_size=70)).map(
        lambda parts: ".".join(encoded(part) for part in parts)
    )
    | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode() + ".e30.e30")
)
@settings(max_examples=400)
def test_any_text_is_a_token_or_a_401(text: str) -> None:
    try:
        parsed = parse_token(text, 1_000.0)
    except XrpcError as error:
        assert error.status == 401
        return
    assert parsed.expires_at > 1_000
