"""Lists as files for players that know no XRPC."""

from xml.etree import ElementTree as ET

import httpx
from hypothesis import given
from hypothesis import strategies as st

from appview.playback.playlist import Playlist, m3u, xspf
from lexicons.types import TrackViewBasic
from tests.appview.conftest import Client
from tests.appview.makers import Rows
from tests.appview.test_playback import stream_of

FILE = "/xrpc/fm.plyr.playback.getPlaylistFile"


async def test_a_list_as_a_file_has_what_can_be_played_in_its_order(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    first = await rows.track("alice", title="Ok\n#EXTINF:9,fake", duration_ms=61_500, album="Q&A")
    gated = await rows.track("alice", gate_type="any")
    last = await rows.track("alice", title="<Last> & done")
    listed = await rows.list("alice", (last, gated, first), name="Mix")

    async def file(form: str) -> httpx.Response:
        response = await client.http.get(FILE, params={"uri": listed, "format": form})
        assert response.status_code == 200, response.text
        return response

    response = await file("m3u")
    assert response.headers["content-type"] == "audio/x-mpegurl; charset=utf-8"
    assert response.text.splitlines() == [
        "#EXTM3U",
        "#PLAYLIST:Mix",
        "#EXTINF:-1,alice - <Last> & done",
        "https://music.test" + stream_of(last),
        "#EXTINF:62,alice - Ok #EXTINF:9,fake",
        "https://music.test" + stream_of(first),
    ]
    response = await file("xspf")
    assert response.headers["content-type"] == "application/xspf+xml"
    tracks = ET.fromstring(response.content).findall(".//{http://xspf.org/ns/0/}track")
    found = [{part.tag.rpartition("}")[2]: part.text for part in track} for track in tracks]
    assert found[0]["title"] == "<Last> & done"
    assert found[1]["location"] == "https://music.test" + stream_of(first)
    assert (found[1]["duration"], found[1]["album"]) == ("61500", "Q&A")
    params = {"uri": listed, "format": "pls"}
    refused = await client.http.get(FILE, params=params)
    assert refused.status_code == 400
    params = {"uri": first, "format": "m3u"}
    refused = await client.http.get(FILE, params=params)
    assert refused.json()["error"] == "ListNotFound"


async def test_a_file_that_did_not_change_is_not_sent_again(client: Client, rows: Rows) -> None:
    """Players ask for it again and again, to see whether there is more by now."""
    await rows.account("alice")
    listed = await rows.list("alice", (await rows.track("alice"),))
    params = {"uri": listed, "format": "m3u"}
    first = await client.http.get(FILE, params=params)
    assert first.headers["cache-control"].startswith("public")
    known = {"if-none-match": first.headers["etag"]}
    again = await client.http.get(FILE, params=params, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    await rows.pool.execute("update track set title = 'Another'")
    changed = await client.http.get(FILE, params=params, headers=known)
    assert "Another" in changed.text


@given(title=st.text(max_size=30), name=st.text(max_size=30))
def test_no_title_breaks_a_playlist_file(title: str, name: str) -> None:
    track: TrackViewBasic = {  # type: ignore[typeddict-item]  # what playlists read of it
        "uri": "at://x",
        "title": title,
        "artist": title,
        "stream": "https://music.test/stream/a/b",
    }
    playlist = Playlist("at://list", name, name, [track])
    lines = m3u(playlist).splitlines()
    assert len(lines) == 4
    assert lines[3] == track["stream"]
    root = ET.fromstring(xspf(playlist))
    assert len(root.findall(".//{http://xspf.org/ns/0/}location")) == 1
