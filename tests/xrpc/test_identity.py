"""Identities: what is believed, how long, and how often anybody is asked."""

import asyncio

import orjson
import pytest

from lexicons.syntax import Did, Handle
from tests.support import wait_until
from tests.xrpc.people import ALICE, BOB, World, document, new_key, running
from tests.xrpc.servers import FakeNames, http, strict_client
from xrpc.directory import Directory
from xrpc.identity import (
    DidDocumentInvalid,
    DidNotFound,
    DidTombstoned,
    DidUnsupported,
    HandleNotResolved,
    IdentityResolver,
    IdentityUnavailable,
)
from xrpc.keys import multikey

HANDLE = Handle("alice.test")


def with_key(number: int) -> list[dict[str, object]]:
    made = document(ALICE)["verificationMethod"][0]
    return [made | {"publicKeyMultibase": multikey(new_key(number))}]


async def test_a_did_has_a_key_and_a_pds_before_its_handle_is_proven() -> None:
    async with running(World(documents={ALICE: document(ALICE)})) as it:
        identity = await it.resolver.resolve(ALICE)
    assert (identity.key, identity.pds) == (new_key(), "https://pds.example.com")
    assert (identity.claimed_handle, identity.handle) == (HANDLE, None)


async def test_what_is_known_is_not_asked_again() -> None:
    async with running(World(documents={ALICE: document(ALICE)})) as it:
        assert it.resolver.cached(ALICE) is None
        identity = await it.resolver.resolve(ALICE)
        it.world.clock.pass_by(minutes=50)
        assert await it.resolver.resolve(ALICE) is identity
        assert it.resolver.cached(ALICE) is identity
        assert it.documents_asked == 1


async def test_many_who_ask_at_once_are_one_question() -> None:
    async with running(World(documents={ALICE: document(ALICE)})) as it:
        asked = [it.resolver.resolve(ALICE) for _ in range(50)]
        asked += [it.resolver.resolve(ALICE, force=True) for _ in range(50)]
        await asyncio.gather(*asked)
        assert it.documents_asked == 1


async def test_one_who_gives_up_waiting_does_not_take_the_answer_from_the_others() -> None:
    async with running(World(documents={ALICE: document(ALICE)})) as it:
        first = asyncio.ensure_future(it.resolver.resolve(ALICE))
        second = asyncio.ensure_future(it.resolver.resolve(ALICE))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).did == ALICE


async def test_past_the_soft_age_the_old_answer_serves_while_a_new_one_is_fetched() -> None:
    async with running(World(documents={ALICE: document(ALICE)})) as it:
        await it.resolver.resolve(ALICE)
        it.world.documents[ALICE] = document(ALICE, verificationMethod=with_key(5))
        it.world.clock.pass_by(hours=2)
        assert (await it.resolver.resolve(ALICE)).key == new_key(1)

        def has_the_new_key() -> bool:
            identity = it.resolver.cached(ALICE)
            return identity is not None and identity.key == new_key(5)

        await wait_until(has_the_new_key)
        assert it.documents_asked == 2


async def test_past_the_soft_age_a_directory_in_trouble_changes_nothing() -> None:
    async with running(World(documents={ALICE: document(ALICE)})) as it:
        identity = await it.resolver.resolve(ALICE)
        it.world.documents[ALICE] = 500
        it.world.clock.pass_by(hours=2)
        assert it.resolver.cached(ALICE) is identity
        await wait_until(lambda: it.documents_asked == 2)
        assert it.resolver.cached(ALICE) is identity


async def test_past_the_hard_age_the_old_answer_is_not_used() -> None:
    async with running(World(documents={ALICE: document(ALICE)})) as it:
        await it.resolver.resolve(ALICE)
        it.world.documents[ALICE] = 500
        it.world.clock.pass_by(hours=25)
        assert it.resolver.cached(ALICE) is None
        with pytest.raises(IdentityUnavailable):
            await it.resolver.resolve(ALICE)


async def test_case_22_a_forced_question_sees_a_key_rotated_just_now() -> None:
    async with running(World(documents={ALICE: document(ALICE)})) as it:
        assert (await it.resolver.resolve(ALICE)).key == new_key(1)
        it.world.documents[ALICE] = document(ALICE, verificationMethod=with_key(5))
        assert (await it.resolver.resolve(ALICE, force=True)).key == new_key(5)
        cached = it.resolver.cached(ALICE)
        assert cached is not None
        assert cached.key == new_key(5)


async def test_case_90_a_thousand_forced_questions_for_one_did_are_a_few_fetches() -> None:
    async with running(World(documents={ALICE: document(ALICE)})) as it:
        for _ in range(1_000):
            assert (await it.resolver.resolve(ALICE, force=True)).key == new_key()
            it.world.clock.pass_by(milliseconds=1)
        assert it.documents_asked <= 6
        it.world.clock.pass_by(seconds=30)
        await it.resolver.resolve(ALICE, force=True)
        assert it.documents_asked <= 7


async def test_a_forced_question_past_its_rate_never_answers_from_old_knowledge() -> None:
    async with running(World(documents={ALICE: document(ALICE)})) as it:
        await it.resolver.resolve(ALICE)
        it.world.clock.pass_by(minutes=1)
        it.world.documents[ALICE] = 500
        for _ in range(20):
            with pytest.raises(IdentityUnavailable):
                await it.resolver.resolve(ALICE, force=True)
        assert it.documents_asked <= 6


@pytest.mark.parametrize(
    ("status", "error", "age_seconds"),
    [(404, DidNotFound, 61), (410, DidTombstoned, 61), (500, IdentityUnavailable, 6)],
)
async def test_case_88_failures_are_told_apart_and_remembered_for_a_moment(
    status: int, error: type[Exception], age_seconds: float
) -> None:
    async with running(World(documents={ALICE: status})) as it:
        for _ in range(5):
            with pytest.raises(error):
                await it.resolver.resolve(ALICE)
        assert it.documents_asked == 1
        it.world.clock.pass_by(seconds=age_seconds)
        it.world.documents[ALICE] = document(ALICE)
        assert (await it.resolver.resolve(ALICE)).key == new_key()


async def test_case_88_a_tombstone_ends_what_was_known() -> None:
    async with running(World(documents={ALICE: document(ALICE)})) as it:
        await it.resolver.resolve(ALICE)
        it.world.documents[ALICE] = 410
        with pytest.raises(DidTombstoned):
            await it.resolver.resolve(ALICE, force=True)
        assert it.resolver.cached(ALICE) is None


async def test_a_directory_that_asks_for_peace_gets_it() -> None:
    world = World(documents={ALICE: 429, BOB: document(BOB)}, headers={"Retry_After": "30"})
    async with running(world) as it:
        with pytest.raises(IdentityUnavailable):
            await it.resolver.resolve(ALICE)
        with pytest.raises(IdentityUnavailable):
            await it.resolver.resolve(BOB)
        assert it.documents_asked == 1
        it.world.clock.pass_by(seconds=31)
        assert (await it.resolver.resolve(BOB)).did == BOB


@pytest.mark.parametrize("found", [document(BOB), [], "x", {"id": 3}])
async def test_case_85_an_unusable_document_is_an_error(found: object) -> None:
    async with running(World(documents={ALICE: found})) as it:
        with pytest.raises(DidDocumentInvalid):
            await it.resolver.resolve(ALICE)


async def test_case_86_an_account_without_a_key_has_none() -> None:
    world = World(documents={ALICE: document(ALICE, verificationMethod=[])})
    async with running(world) as it:
        assert (await it.resolver.resolve(ALICE)).key is None


@pytest.mark.parametrize(
    "did",
    [
        "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme", "did:web:127.0.0.1",
        "did:web:localhost", "did:web:localhost%3A80", "did:web:example.com:path",
        "did:web:example.com%3A8443", "did:web:intern.local", "did:web:x.internal", "did:web:x",
        "did:plc:../../admin?x", "did:web:example.com/a", "nonsense", "did:web:a.test",
    ],
)  # fmt: skip
async def test_other_dids_are_refused_without_asking_anybody(did: str) -> None:
    names = FakeNames()
    async with strict_client(names) as client:
        resolver = IdentityResolver(client, "http://127.0.0.1:1", names=names)
        with pytest.raises(DidUnsupported):
            await resolver.resolve(Did(did))
    assert names.asked == []


async def test_a_plc_did_cannot_reach_another_path_of_the_directory() -> None:
    async with running(World()) as it:
        with pytest.raises(DidNotFound):
            await it.resolver.resolve(Did("did:plc:..%2f..%2fadmin"))
        assert it.server.paths == ["/did:plc:..%252f..%252fadmin"]


async def test_a_did_web_is_asked_of_its_domain() -> None:
    did = Did("did:web:carol.test")
    world = World(well_known={"carol.test": http(orjson.dumps(document(did)))})
    async with running(world) as it:
        assert (await it.resolver.resolve(did)).key == new_key()
        assert it.server.paths == ["/domain/carol.test/.well-known/did.json"]


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (http("", 404), DidNotFound),
        (http("", 500), IdentityUnavailable),
        (http("", 302, Location="https://elsewhere.test/"), IdentityUnavailable),
        (http("<html>"), DidDocumentInvalid),
        (http(b"[" * 70_000), IdentityUnavailable),
        (http(b"[" * 60_000), DidDocumentInvalid),
    ],
)
async def test_a_domain_that_says_something_else_is_an_error(
    said: bytes, error: type[Exception]
) -> None:
    async with running(World(well_known={"carol.test": said})) as it:
        with pytest.raises(error):
            await it.resolver.resolve(Did("did:web:carol.test"))


async def test_the_directory_is_not_asked_faster_than_its_rate() -> None:
    now = [0.0]
    async with strict_client(FakeNames()) as client:
        directory = Directory(client, "http://127.0.0.1:1", seconds=lambda: now[0])
        waits = [directory._plc_rate.reserve(0.0, longest_wait=15.0) for _ in range(1_000)]
    assert waits[:500] == [0.0] * 500
    assert waits[520] == pytest.approx(21 / 20)
    assert waits[900] is None


# handles -----------------------------------------------------------------------------------------


def claims(did: Did, handle: str = HANDLE) -> dict[str, object]:
    return document(did, alsoKnownAs=[f"at://{handle}"])


async def test_case_81_a_handle_is_proven_by_a_txt_record() -> None:
    world = World(documents={ALICE: claims(ALICE)})
    world.names.txts["_atproto.alice.test"] = ["v=spf1", "did=nonsense", f"did={ALICE}"]
    async with running(world) as it:
        identity = await it.resolver.prove_handle(await it.resolver.resolve(ALICE))
        assert identity.handle == HANDLE
        assert it.resolver.cached(ALICE) == identity


async def test_case_81_two_txt_records_with_different_dids_prove_nothing() -> None:
    world = World(documents={ALICE: claims(ALICE)}, well_known={HANDLE: http(ALICE)})
    world.names.txts["_atproto.alice.test"] = [f"did={ALICE}", f"did={BOB}"]
    async with running(world) as it:
        identity = await it.resolver.prove_handle(await it.resolver.resolve(ALICE))
        assert identity.handle is None
        with pytest.raises(HandleNotResolved):
            await it.resolver.resolve_handle(HANDLE)


async def test_case_81_the_same_did_twice_is_no_conflict() -> None:
    world = World()
    world.names.txts["_atproto.alice.test"] = [f"did={ALICE}", f"did={ALICE}"]
    async with running(world) as it:
        assert await it.resolver.resolve_handle(HANDLE) == ALICE


async def test_case_81_the_txt_record_wins_over_the_well_known_file() -> None:
    world = World(well_known={HANDLE: http(BOB)})
    world.names.txts["_atproto.alice.test"] = [f"did={ALICE}"]
    async with running(world) as it:
        assert await it.resolver.resolve_handle(HANDLE) == ALICE
        assert it.server.paths == []


@pytest.mark.parametrize("body", [ALICE, f"{ALICE}\n", f"  {ALICE}\r\n\n"])
async def test_case_82_the_well_known_file_may_have_space_around_the_did(body: str) -> None:
    async with running(World(well_known={HANDLE: http(body, Content_Type="text/html")})) as it:
        assert await it.resolver.resolve_handle(HANDLE) == ALICE


@pytest.mark.parametrize(
    "said",
    [
        http("<html>hello</html>"), http(ALICE, 404), http(f"{ALICE}\n{BOB}"), http(""),
        http(b"x" * 5_000_000), http(b"\xff\xfe"), http(ALICE, 302), http("did:plc:" + "x" * 2_045),
    ],
)  # fmt: skip
async def test_case_82_anything_else_in_the_well_known_file_is_invalid(said: bytes) -> None:
    async with running(World(well_known={HANDLE: said})) as it:
        with pytest.raises(HandleNotResolved):
            await it.resolver.resolve_handle(HANDLE)


async def test_the_operators_service_is_asked_first_and_then_the_domain() -> None:
    world = World(service={"alice.test": ALICE}, well_known={"bob.test": http(BOB)})
    async with running(world, with_service=True) as it:
        assert await it.resolver.resolve_handle(HANDLE) == ALICE
        assert it.world.names.asked == []
        assert await it.resolver.resolve_handle(Handle("bob.test")) == BOB


async def test_case_80_a_claim_that_does_not_point_back_is_no_handle() -> None:
    world = World(documents={BOB: claims(BOB)}, service={"alice.test": ALICE})
    async with running(world, with_service=True) as it:
        assert (await it.resolver.prove_handle(await it.resolver.resolve(BOB))).handle is None


async def test_case_84_a_handle_that_moves_leaves_its_old_owner() -> None:
    world = World(documents={ALICE: claims(ALICE), BOB: claims(BOB)}, service={"alice.test": ALICE})
    async with running(world, with_service=True) as it:
        resolver = it.resolver
        assert (await resolver.prove_handle(await resolver.resolve(ALICE))).handle == HANDLE
        world.service["alice.test"] = BOB
        world.clock.pass_by(seconds=3)
        assert (await resolver.prove_handle(await resolver.resolve(BOB))).handle == HANDLE
        alice = resolver.cached(ALICE)
        assert alice is not None
        assert alice.handle is None


async def test_whoever_looks_a_handle_up_sees_that_its_holder_has_lost_it() -> None:
    world = World(documents={ALICE: claims(ALICE)}, service={"alice.test": ALICE})
    async with running(world, with_service=True) as it:
        await it.resolver.prove_handle(await it.resolver.resolve(ALICE))
        world.service["alice.test"] = BOB
        world.clock.pass_by(minutes=6)
        assert await it.resolver.resolve_handle(HANDLE) == BOB
        alice = it.resolver.cached(ALICE)
        assert alice is not None
        assert alice.handle is None


async def test_a_handle_that_points_elsewhere_now_is_lost() -> None:
    world = World(documents={ALICE: claims(ALICE)}, service={"alice.test": ALICE})
    async with running(world, with_service=True) as it:
        await it.resolver.prove_handle(await it.resolver.resolve(ALICE))
        del world.service["alice.test"]
        world.clock.pass_by(seconds=11)
        identity = await it.resolver.prove_handle(await it.resolver.resolve(ALICE, force=True))
        assert identity.handle is None


async def test_trouble_takes_no_handle_away() -> None:
    world = World(documents={ALICE: claims(ALICE)})
    world.names.txts["_atproto.alice.test"] = [f"did={ALICE}"]
    async with running(world) as it:
        await it.resolver.prove_handle(await it.resolver.resolve(ALICE))
        world.names.txts["_atproto.alice.test"] = None
        world.clock.pass_by(minutes=10)
        fresh = await it.resolver.resolve(ALICE, force=True)
        with pytest.raises(IdentityUnavailable):
            await it.resolver.prove_handle(fresh)
        cached = it.resolver.cached(ALICE)
        assert cached is not None
        assert cached.handle == HANDLE


async def test_trouble_of_the_domain_takes_no_handle_away() -> None:
    world = World(documents={ALICE: claims(ALICE)}, well_known={HANDLE: http(ALICE)})
    async with running(world) as it:
        await it.resolver.prove_handle(await it.resolver.resolve(ALICE))
        world.clock.pass_by(minutes=10)
        fresh = await it.resolver.resolve(ALICE, force=True)
        it.route(HANDLE, "http://127.0.0.1:1")  # nobody listens there
        with pytest.raises(IdentityUnavailable):
            await it.resolver.prove_handle(fresh)
        cached = it.resolver.cached(ALICE)
        assert cached is not None
        assert cached.handle == HANDLE


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_domain_that_fails_proves_nothing_either_way(status: int) -> None:
    async with running(World(well_known={HANDLE: http("later", status)})) as it:
        with pytest.raises(IdentityUnavailable):
            await it.resolver.resolve_handle(HANDLE)


async def test_a_new_claim_ends_the_old_handle_at_once() -> None:
    world = World(documents={ALICE: claims(ALICE)}, service={"alice.test": ALICE})
    async with running(world, with_service=True) as it:
        await it.resolver.prove_handle(await it.resolver.resolve(ALICE))
        world.documents[ALICE] = claims(ALICE, "new.test")
        assert (await it.resolver.resolve(ALICE, force=True)).handle is None


async def test_a_verdict_on_an_old_claim_does_not_undo_a_newer_document() -> None:
    world = World(documents={ALICE: claims(ALICE)}, service={"alice.test": ALICE})
    async with running(world, with_service=True) as it:
        old = await it.resolver.resolve(ALICE)
        world.documents[ALICE] = document(
            ALICE, alsoKnownAs=["at://new.test"], verificationMethod=with_key(5)
        )
        world.clock.pass_by(seconds=1)
        await it.resolver.resolve(ALICE, force=True)
        settled = await it.resolver.prove_handle(old)
        assert (settled.key, settled.handle) == (new_key(5), None)
        assert it.resolver.cached(ALICE) == settled


async def test_case_87_an_account_without_a_handle_is_an_account() -> None:
    async with running(World(documents={ALICE: document(ALICE, alsoKnownAs=[])})) as it:
        identity = await it.resolver.prove_handle(await it.resolver.resolve(ALICE))
        assert (identity.handle, identity.key) == (None, new_key())


@pytest.mark.parametrize("handle", ["a.local", "a.internal", "a.onion", "a.alt", "handle.invalid"])
async def test_reserved_names_resolve_nowhere(handle: str) -> None:
    world = World(documents={ALICE: claims(ALICE, handle)}, service={handle: ALICE})
    world.names.txts[f"_atproto.{handle}"] = [f"did={ALICE}"]
    async with running(world, with_service=True) as it:
        with pytest.raises(HandleNotResolved):
            await it.resolver.resolve_handle(Handle(handle))
        assert it.server.paths == []
        assert world.names.asked == []


async def test_names_for_tests_do_not_resolve_in_production() -> None:
    names = FakeNames(txts={"_atproto.alice.test": [f"did={ALICE}"]})
    async with strict_client(names) as client:
        resolver = IdentityResolver(client, "http://127.0.0.1:1", names=names)
        with pytest.raises(HandleNotResolved):
            await resolver.resolve_handle(HANDLE)


async def test_case_89_a_well_known_file_on_a_private_address_is_not_fetched() -> None:
    names = FakeNames(hosts={"alice.example.org": ["10.0.0.1"]})
    async with strict_client(names) as client:
        resolver = IdentityResolver(client, "http://127.0.0.1:1", names=names)
        with pytest.raises(HandleNotResolved):
            await resolver.resolve_handle(Handle("alice.example.org"))


async def test_looking_a_handle_up_is_remembered_both_ways() -> None:
    world = World(documents={ALICE: claims(ALICE)}, service={"alice.test": ALICE})
    async with running(world, with_service=True) as it:
        for _ in range(5):
            assert (await it.resolver.resolve_by_handle(HANDLE)).handle == HANDLE
            with pytest.raises(HandleNotResolved):
                await it.resolver.resolve_by_handle(Handle("nobody.test"))
        assert len(it.server.paths) == 3 + it.server.paths.count(
            "/domain/nobody.test/.well-known/atproto-did"
        )


async def test_a_handle_whose_did_does_not_claim_it_finds_nobody() -> None:
    world = World(documents={ALICE: claims(ALICE, "other.test")}, service={"alice.test": ALICE})
    async with running(world, with_service=True) as it:
        with pytest.raises(HandleNotResolved):
            await it.resolver.resolve_by_handle(HANDLE)
