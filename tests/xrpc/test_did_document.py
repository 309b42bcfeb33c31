"""DID documents: what is taken from them, and that strangers' documents break nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.xrpc.people import ALICE, document, new_key
from xrpc.did_document import InvalidDocument, parse_did_document, service_origin
from xrpc.keys import multikey


def method(**changes: object) -> dict[str, object]:
    made: dict[str, object] = {
        "id": f"{ALICE}#atproto",
        "type": "Multikey",
        "controller": ALICE,
        "publicKeyMultibase": multikey(new_key(2)),
    }
    return made | changes


def service(**changes: object) -> dict[str, object]:
    made: dict[str, object] = {
        "id": f"{ALICE}#atproto_pds",
        "type": "AtprotoPersonalDataServer",
        "serviceEndpoint": "https://pds.test",
    }
    return made | changes


def test_a_whole_document() -> None:
    parsed = parse_did_document(ALICE, document(ALICE))
    assert parsed.key == new_key()
    assert parsed.pds == "https://pds.example.com"
    assert parsed.claimed_handle == "alice.test"


def test_a_labeler_has_a_key_and_an_address_of_its_own() -> None:
    label_key, label_service = (
        method(id=f"{ALICE}#atproto_label"),
        service(
            id="#atproto_labeler",
            type="AtprotoLabeler",
            serviceEndpoint="https://labels.test",
        ),
    )
    own = document(ALICE)
    parsed = parse_did_document(
        ALICE,
        own
        | {
            "verificationMethod": [*own["verificationMethod"], label_key],
            "service": [*own["service"], label_service],
        },
    )
    assert (parsed.label_key, parsed.labeler) == (new_key(2), "https://labels.test")
    assert (parsed.key, parsed.pds) == (new_key(), "https://pds.example.com")


def test_who_is_no_labeler_gives_its_other_key_to_no_label() -> None:
    parsed = parse_did_document(ALICE, document(ALICE))
    assert (parsed.label_key, parsed.labeler) == (None, None)


@pytest.mark.parametrize("changes", [{"id": "did:plc:other"}, {"id": None}, {"id": 1}])
def test_case_85_a_document_of_another_did_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidDocument):
        parse_did_document(ALICE, document(ALICE, **changes))


@pytest.mark.parametrize("nonsense", [None, [], "x", 1, True])
def test_what_is_not_an_object_is_refused(nonsense: object) -> None:
    with pytest.raises(InvalidDocument):
        parse_did_document(ALICE, nonsense)


@pytest.mark.parametrize(
    ("known_as", "handle"),
    [
        (["at://bad_handle", "at://good.test"], "good.test"),
        (["https://x.test", "at://", "at://GOOD.Test"], "good.test"),
        (["at://first.test", "at://second.test"], "first.test"),
        (["at://first.test/", "at://second.test"], "second.test"),
        (["at://did:plc:x", 7, None, {"a": 1}], None),
        (["first.test", "at://second.test"], "second.test"),
        ("at://first.test", None),
        (None, None),
    ],
)
def test_case_83_the_first_valid_handle_is_the_claim(known_as: object, handle: object) -> None:
    parsed = parse_did_document(ALICE, document(ALICE, alsoKnownAs=known_as))
    assert parsed.claimed_handle == handle


@pytest.mark.parametrize(
    ("methods", "number"),
    [
        ([method()], 2),
        ([method(id="#atproto")], 2),
        ([method(), method(publicKeyMultibase=multikey(new_key(3)))], 2),
        ([method(id=f"{ALICE}#atproto_label"), method()], 2),
        ([method(controller="did:plc:other"), method()], 2),
        ([method(controller="did:plc:other")], None),
        ([method(id="did:plc:other#atproto")], None),
        ([method(publicKeyMultibase="z6Mkx")], None),
        ([method(publicKeyMultibase=None)], None),
        ([method(type="Ed25519VerificationKey2020")], None),
        ([method(type=["Multikey"])], None),
        ([], None),
        (None, None),
        ({"id": "#atproto"}, None),
        (["#atproto", 1, None], None),
    ],
)
def test_case_86_the_signing_key_is_the_first_atproto_method(
    methods: object, number: int | None
) -> None:
    parsed = parse_did_document(ALICE, document(ALICE, verificationMethod=methods))
    assert parsed.key == (None if number is None else new_key(number))
    assert parsed.pds is not None


@pytest.mark.parametrize(
    ("services", "pds"),
    [
        ([service()], "https://pds.test"),
        ([service(id="#atproto_pds")], "https://pds.test"),
        ([service(), service(serviceEndpoint="https://other.test")], "https://pds.test"),
        ([service(id="#bsky_notif"), service()], "https://pds.test"),
        ([service(type="Other")], None),
        ([service(serviceEndpoint={"uri": "https://pds.test"})], None),
        ([], None),
        ("x", None),
        (None, None),
    ],
)
def test_the_pds_is_the_first_service_of_its_id(services: object, pds: str | None) -> None:
    parsed = parse_did_document(ALICE, document(ALICE, service=services))
    assert parsed.pds == pds
    assert parsed.key is not None


@pytest.mark.parametrize(
    ("endpoint", "origin"),
    [
        ("https://PDS.Test", "https://pds.test"),
        ("https://pds.test/", "https://pds.test"),
        ("http://localhost:2583", "http://localhost:2583"),
        ("https://[2606:4700::1]:8443", "https://[2606:4700::1]:8443"),
        ("https://pds.test/xrpc", None),
        ("https://user@pds.test", None),
        ("https://pds.test?x", None),
        ("https://pds.test?", None),
        ("https://pds.test#", None),
        ("https://pds.test/#atproto_pds", None),
        ("https://p\u0434s.test", None),
        ("https://pds.test:99999", None),
        ("https://pds.test:abc", None),
        ("https://pds%2etest", None),
        ("https://pds.test\\@other.test", None),
        ("https://pds.test\n", None),
        (" https://pds.test", None),
        ("ftp://pds.test", None),
        ("//pds.test", None),
        ("https://", None),
        ("https://[::1", None),
        ("", None),
        (None, None),
        (["https://pds.test"], None),
        ("https://" + "a" * 2_000, None),
    ],
)
def test_an_endpoint_is_an_origin_and_nothing_else(endpoint: object, origin: str | None) -> None:
    assert service_origin(endpoint) == origin


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@given(
    st.fixed_dictionaries(
        {"id": st.just(ALICE) | json_values},
        optional={
            "alsoKnownAs": json_values,
            "verificationMethod": json_values
            | st.lists(st.fixed_dictionaries(dict.fromkeys(method(), json_values)), max_size=2)
            | st.lists(
                st.fixed_dictionaries(
                    {
                        "id": st.just("#atproto"),
                        "controller": st.just(ALICE),
                        "type": st.sampled_from(["Multikey", "EcdsaSecp256k1VerificationKey2019"]),
                        "publicKeyMultibase": st.text() | st.text("z123ABCxyz"),
                    }
                )
            ),
            "service": json_values
            | st.lists(
                st.fixed_dictionaries(
                    {
                        "id": st.just("#atproto_pds"),
                        "type": st.just("AtprotoPersonalDataServer"),
                        "serviceEndpoint": json_values | st.text().map(lambda t: "https://" + t),
                    }
                )
            ),
        },
    )
    | json_values
)
@settings(max_examples=300)
def test_any_json_is_a_document_or_raises_invalid_document(found: object) -> None:
    try:
        parsed = parse_did_document(ALICE, found)
    except InvalidDocument:
        return
    assert parsed.did == ALICE
    assert parsed.pds is None or service_origin(parsed.pds) == parsed.pds
