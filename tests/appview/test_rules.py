import pytest

from appview.rules import Trust, playability
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
    assert artwork(url, TRUST) is None


def test_R30_a_track_with_nothing_but_a_strangers_url_is_unavailable() -> None:
    assert playability(None, None, "https://evil.test/a.mp3", TRUST) == "unavailable"
    assert playability(None, None, None, TRUST) == "unavailable"
    assert playability(None, None, "https://audio.plyr.fm/audio/a.mp3", TRUST) == "pending"
    assert playability(None, "bafkreia", "https://evil.test/a.mp3", TRUST) == "pending"


def test_a_gate_is_never_bypassed() -> None:
    assert playability("any", "bafkreia", "https://audio.plyr.fm/a.mp3", TRUST) == "gated"


def test_a_takedown_comes_before_everything_else() -> None:
    url = "https://audio.plyr.fm/a.mp3"
    assert playability("any", "bafkreia", url, TRUST, is_taken_down=True) == "taken-down"


def test_an_avatar_comes_from_the_bluesky_profile() -> None:
    assert avatar("did:plc:alice", "bafkreia", "https://evil.test/a.png") == {
        "thumb": "https://cdn.bsky.app/img/avatar_thumbnail/plain/did:plc:alice/bafkreia@jpeg",
        "medium": "https://cdn.bsky.app/img/avatar_thumbnail/plain/did:plc:alice/bafkreia@jpeg",
        "full": "https://cdn.bsky.app/img/avatar/plain/did:plc:alice/bafkreia@jpeg",
    }


def test_the_plyr_profiles_avatar_is_shown_only_from_the_bluesky_cdn() -> None:
    assert avatar("did:plc:alice", None, "https://evil.test/a.png") is None
    assert avatar("did:plc:alice", None, None) is None
    picture = avatar("did:plc:alice", None, "https://cdn.bsky.app/img/avatar/plain/x/y@jpeg")
    assert picture is not None
    assert picture["full"] == "https://cdn.bsky.app/img/avatar/plain/x/y@jpeg"
