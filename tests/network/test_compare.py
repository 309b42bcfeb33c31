"""The comparison itself: what is planted in the tables has to be found."""

from __future__ import annotations

import pytest

from tests.network import scenes
from tests.network.compare import differences
from tests.network.story import Story

PLANTED = {
    "a_track_lost": "delete from track where uri = $1",
    "another_title": "update track set title = 'x' where uri = $1",
    "another_cid": "update track set cid = 'bafyx' where uri = $1",
    "a_like_too_many": "update subject_count set likes = likes + 1 where subject = $1",
    "a_comment_too_few": "update subject_count set comments = 0 where subject = $1",
    "a_list_too_few": "update subject_count set in_lists = 0 where subject = $1",
    "a_like_lost": 'delete from "like" where subject = $1',
    "items_turned_round": "update list_item set position = 9 - position where list_uri in "
    "(select list_uri from list_item where subject = $1)",
    "a_deleted_record": "update record set cid = null, state = 'deleted' "
    "where 'at://' || did || '/' || collection || '/' || rkey = $1",
    "a_record_of_nobody": "insert into record (did, collection, rkey, cid, rev, state) "
    "select did, collection, '3kaaaaaaaaaa2', cid, rev, state from record "
    "where 'at://' || did || '/' || collection || '/' || rkey = $1",
    "another_rev": "update repo set rev = '3kaaaaaaaaaa2' where $1 like 'at://' || did || '/%'",
    "a_hidden_account": "update account set upstream_active = false "
    "where $1 like 'at://' || did || '/%'",
    "another_handle": "update account set handle = null where $1 like 'at://' || did || '/%'",
}


@pytest.mark.parametrize("planted", PLANTED)
async def test_a_difference_planted_in_the_tables_is_found(story: Story, planted: str) -> None:
    _, _, song = await scenes.entangled(story)
    assert not await differences(story.program, story.people)
    await story.program.rows(PLANTED[planted], song.uri)
    assert await differences(story.program, story.people)
