"""A labeler: an account whose DID document names a stream of signed labels."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.network.encoding import dag_cbor
from tests.network.keys import Curve, SigningKey
from tests.network.relay import Relay
from tests.network.world import Json, Person, World

SUBSCRIBE = "/xrpc/com.atproto.label.subscribeLabels"


def labels_frame(seq: int, *labels: Json) -> bytes:
    return dag_cbor({"op": 1, "t": "#labels"}) + dag_cbor({"seq": seq, "labels": list(labels)})


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Labeler:
    def __init__(self, person: Person, curve: Curve) -> None:
        self.person = person
        self.key = SigningKey(curve)
        self.stream = Relay(list, SUBSCRIBE)

    @classmethod
    async def start(cls, world: World, name: str, curve: Curve = "k256") -> Labeler:
        labeler = cls(await world.person(name), curve)
        await labeler.stream.open()
        labeler.publish_document()
        return labeler

    @property
    def did(self) -> str:
        return self.person.did

    def publish_document(self) -> None:
        account = self.person.account
        account.document = {}
        own = account.did_document()
        label_key = {
            **own["verificationMethod"][0],
            "id": f"{self.did}#atproto_label",
            "publicKeyMultibase": self.key.multikey,
        }
        service = {
            "id": "#atproto_labeler",
            "type": "AtprotoLabeler",
            "serviceEndpoint": self.stream.http_url,
        }
        account.document = {
            "verificationMethod": [*own["verificationMethod"], label_key],
            "service": [*own["service"], service],
        }

    def rotate_key(self, curve: Curve = "k256") -> SigningKey:
        """Answers with the old key."""
        old, self.key = self.key, SigningKey(curve)
        self.publish_document()
        return old

    def label(self, val: str, uri: str, **fields: Any) -> Json:
        """Not signed yet; a field that is None is left out."""
        made = {"ver": 1, "src": self.did, "uri": uri, "val": val, "cts": now(), **fields}
        return {name: value for name, value in made.items() if value is not None}

    def signed(self, label: Json, key: SigningKey | None = None) -> Json:
        return {**label, "sig": (key or self.key).sign(dag_cbor(label))}

    def high(self, label: Json) -> bytes:
        """The other signature of the same, which nobody may take."""
        return self.key.sign_high_s(dag_cbor(label))

    def says(self, val: str, uri: str, **fields: Any) -> int:
        return self.sends(self.signed(self.label(val, uri, **fields)))

    def takes_back(self, val: str, uri: str, **fields: Any) -> int:
        return self.says(val, uri, neg=True, **fields)

    def sends(self, *labels: Json) -> int:
        return self.stream.foreign(lambda seq: labels_frame(seq, *labels))
