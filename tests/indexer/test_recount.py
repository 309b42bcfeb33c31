"""Counting anew: what one account is concerned with is found among everybody's by an index."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from indexer.records.registry import record_types
from indexer.recount import (
    ACCOUNTS,
    OWN_AND_LINKED,
    PUT_SUBJECTS_RIGHT,
    SUBJECTS,
    Names,
    Range,
    count_differences,
)
from lexicons.syntax import Did
from migrations.database import Pool
from tests.indexer.changes import ALICE, BOB, TRACK_URI, change, comment, index, like, track

OF_ALICE = Range.of(Did(ALICE))
BETWEEN = (OF_ALICE.first_subject, OF_ALICE.end_of_subjects)
NAMES = Names.of(record_types("fm.plyr"))
STATEMENTS: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "subjects": (SUBJECTS, (*BETWEEN, False)),
    "accounts": (ACCOUNTS, (*BETWEEN, ALICE, ALICE, NAMES.tracks, NAMES.lists, False)),
    "own and linked": (OWN_AND_LINKED, (*BETWEEN, ALICE, "", 500)),
    "put right": (PUT_SUBJECTS_RIGHT, ([TRACK_URI],)),
}

# Everybody's, of many other subjects.
CROWD = """
insert into "like" (uri, did, rkey, cid, subject, subject_cid, created_at, sort_at, indexed_at)
select
    'at://did:plc:fan' || n || '/fm.plyr.like/1', 'did:plc:fan' || n, '1', 'cid',
    'at://did:plc:star' || n % 2000 || '/fm.plyr.track/1', 'cid', '', now(), now()
from generate_series(1, 20000) as n;
insert into link (uri, subject, kind, did, counted)
select uri, subject, 'like', did, true from "like"
union all
select replace(uri, 'fan', 'critic'), subject, 'comment', replace(did, 'fan', 'critic'), true
from "like";
insert into subject_count (subject, likes) select subject, count(*) from link group by subject;
analyze;
"""


def scans(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if node.get("Relation Name") in {"link", "like"}:
        yield node
    for child in node.get("Plans", ()):
        yield from scans(child)


@pytest.mark.parametrize("name", STATEMENTS)
async def test_links_are_found_by_an_index_and_never_read_whole(pool: Pool, name: str) -> None:
    statement, arguments = STATEMENTS[name]
    await pool.execute(CROWD)
    told = await pool.fetchval(f"explain (format json) {statement}", *arguments)
    found = list(scans(json.loads(told)[0]["Plan"]))
    assert {node["Relation Name"] for node in found} == {"link", "like"}
    assert [node for node in found if not node.keys() & {"Index Cond", "Recheck Cond"}] == []


async def test_one_account_and_all_of_them_are_counted_alike(pool: Pool) -> None:
    await index(pool, change(track()), change(like(), did=BOB), change(comment(), did=BOB))
    await pool.execute("update subject_count set likes = 2, comments = 2")
    async with pool.acquire() as connection:
        of_alice = await count_differences(connection, OF_ALICE, NAMES)
        of_all = await count_differences(connection, Range(), NAMES)
    assert [(each.held, each.right) for each in of_all] == [("likes 2", "1"), ("comments 2", "1")]
    assert of_alice == of_all
