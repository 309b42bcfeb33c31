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


async def test_a_list_as_a_file_has_what_can_be_played_in_its_order(
    client: Client, rows: Rows
) -> None:
    await rows.account("alice")
    first = await rows.track("alice", title="Ok\n#EXTINF:9,fake", duration_ms=61_500, album="Q&A")
    gated = await rows.track("alice", gate_type="any")
    last = await rows.track("alice", title="<Last> & done")
    listed = await rows.list("alice", (last, gated, first), name="Mix")

    async def file(form: str) -> httpx.Response:
        path = "/xrpc/fm.plyr.playback.getPlaylistFile"
        response = await client.http.get(path, params={"uri": listed, "format": form})
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
    refused = await client.http.get("/xrpc/fm.plyr.playback.getPlaylistFile", params=params)
    assert refused.status_code == 400
    params = {"uri": first, "format": "m3u"}
    refused = await client.http.get("/xrpc/fm.plyr.playback.getPlaylistFile", params=params)
    assert refused.json()["error"] == "ListNotFound"


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
