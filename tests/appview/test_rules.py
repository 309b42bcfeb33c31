from typing import Any

import pytest

from appview.rules import Trust, is_public, playability
from appview.views.images import artwork, avatar

TRUST = Trust.of("https://music.test", ("audio.plyr.fm", "images.plyr.fm"))


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/a.mp3",
        "http://audio.plyr.fm/a.mp3",
        "https://audio.plyr.fm.evil.test/a.mp3",
        "https://audio.plyr.fm@evil.test/a.mp3",
        "https://audio.plyr.fm:8443/a.mp3",
        "https://audio.plyr.fm",
        "//audio.plyr.fm/a.mp3",
        "",
        None,
    ],
)
def test_only_whole_trusted_hosts_are_trusted(url: str | None) -> None:
    assert not TRUST.covers(url)


AT_CDN = "https://audio.plyr.fm/audio/a.mp3"
AT_STRANGERS = "https://evil.test/a.mp3"


def word(cid: str | None, url: str | None, status: str | None = None, **also: Any) -> str:
    return playability(also.pop("gate", None), cid, url, TRUST, url_status=status, **also)


def test_R30_a_track_with_nothing_but_a_strangers_url_is_unavailable() -> None:
    assert word(None, None) == "unavailable"
    for status in (None, "ok", "dead", "unknown"):
        assert word(None, AT_STRANGERS, status) == "unavailable"
        assert word("bafkreia", AT_STRANGERS, status) == "playable"


def test_R31_a_trusted_url_is_playable_once_it_was_found_and_until_it_is_dead() -> None:
    for status in (None, "unknown"):
        assert word(None, AT_CDN, status) == "pending"
    assert word(None, AT_CDN, "ok") == "playable"
    assert word(None, AT_CDN, "dead") == "unavailable"
    assert word("bafkreia", AT_CDN, "dead") == "playable"


@pytest.mark.parametrize(
    "origin",
    [
        "http://pds.test",
        "https://localhost",
        "https://router.local",
        "https://db.internal.",
        "https://127.0.0.1:8443",
        "https://127.1",
        "https://2130706433",
        "https://0.0x7f.0x1",
        "https://[::1]",
        "https://[::ffff:10.0.0.1]",
        "",
    ],
)
def test_R33_no_did_document_sends_listeners_into_their_own_network(origin: str) -> None:
    assert not is_public(origin)
    assert is_public("https://morel.us-east.host.bsky.network")


def test_a_gate_is_never_bypassed() -> None:
    assert word("bafkreia", AT_CDN, "ok", gate="any") == "gated"


def test_a_takedown_comes_before_everything_else() -> None:
    assert word("bafkreia", AT_CDN, "ok", gate="any", is_taken_down=True) == "taken-down"


def test_pictures_are_at_addresses_of_ours() -> None:
    at = "https://music.test"
    assert artwork(at, None) is None
    assert artwork(at, "did:web:a.test%3A8080/3k/bafy") == {
        "thumb": "https://music.test/img/thumb/track/did:web:a.test%253A8080/3k/bafy",
        "medium": "https://music.test/img/medium/track/did:web:a.test%253A8080/3k/bafy",
        "full": "https://music.test/img/full/track/did:web:a.test%253A8080/3k/bafy",
    }
    assert avatar(at, "did:plc:alice", None) is None
    picture = avatar(at, "did:plc:alice", "bafkreia")
    assert picture is not None
    assert picture["full"] == "https://music.test/img/full/avatar/did:plc:alice/bafkreia"
