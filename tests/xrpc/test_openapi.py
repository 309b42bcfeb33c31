"""What the lexicons say, said as OpenAPI."""

from typing import Any

from openapi_spec_validator import validate

from tests.xrpc.methods import CATALOG, GET, HOT, PUT, RAW, TAGS
from xrpc.openapi import openapi

MADE = openapi(CATALOG, version="1.2.3", origin="https://music.test", events={})


def operation(nsid: str) -> dict[str, Any]:
    (made,) = MADE["paths"][f"/xrpc/{nsid}"].values()
    assert made["operationId"] == nsid
    return dict(made)


def parameters(nsid: str) -> dict[str, Any]:
    return {made["name"]: made for made in operation(nsid)["parameters"]}


def test_it_is_openapi() -> None:
    validate(MADE)
    assert MADE["servers"] == [{"url": "https://music.test"}]


def test_queries_are_got_procedures_posted_and_subscriptions_left_out() -> None:
    verbs = {path.rpartition("/")[2]: list(item) for path, item in MADE["paths"].items()}
    assert verbs[GET] == ["get"]
    assert verbs[PUT] == ["post"]
    assert set(verbs) == {nsid for nsid in CATALOG.methods if "subscribe" not in nsid}


def test_a_parameter_has_its_bounds_its_default_and_its_need() -> None:
    found = parameters(GET)
    assert found["q"]["required"] is True
    assert found["q"]["schema"] == {"type": "string", "maxLength": 2_000}
    assert "required" not in found["limit"]
    assert found["limit"]["schema"] == {
        "type": "integer", "format": "int64", "minimum": 1, "maximum": 100, "default": 50
    }  # fmt: skip
    assert found["uri"]["schema"]["format"] == "at-uri"
    assert found["uri"]["schema"]["pattern"].startswith("^at://")


def test_an_array_is_a_repeated_parameter() -> None:
    uris = parameters(TAGS)["uris"]
    assert uris["schema"] == {"type": "array", "items": {"type": "string"}, "maxItems": 25}
    assert (uris["style"], uris["explode"]) == ("form", True)


def test_bodies_are_of_their_kind() -> None:
    body = operation(PUT)["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["name"]
    assert operation(RAW)["responses"]["200"]["content"] == {"*/*": {}}
    answer = operation(HOT)["responses"]["200"]["content"]["application/json"]
    assert answer["schema"]["properties"] == {"number": {"type": "integer", "format": "int64"}}


def test_the_errors_of_a_method_are_named() -> None:
    schema = operation(GET)["responses"]["400"]["content"]["application/json"]["schema"]
    names = schema["allOf"][1]["properties"]["error"]["enum"]
    assert names == ["InvalidRequest", "ThingNotFound"]
    assert {"401", "429", "503"} <= operation(HOT)["responses"].keys()
