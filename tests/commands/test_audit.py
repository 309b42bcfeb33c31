"""audit: nothing where nothing differs, and exactly what differs where something does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from starlette.responses import Response

from indexer.differences import Kind
from tests.commands.auditing import differences, named_by_audit, resynced
from tests.commands.terminal import command
from tests.docs.documents import read, rows
from tests.network.http import Answer, Fault, held, slow, status
from tests.network.makers import bsky_profile, comment, like, playlist, profile, track
from tests.network.scenes import entangled, silently_changed
from tests.network.story import Stage, Story
from tests.network.tables import dump
from tests.network.world import Person, Written
from tests.support import wait_until

MISSING = "did:plc:" + "z" * 24
STATUS = "com.atproto.sync.getRepoStatus"


@dataclass(slots=True)
class Scene:
    """One account with a record of every kind, and one who reacts to it."""

    story: Story
    alice: Person
    bob: Person
    song: Written
    like: Written
    again: Written
    list: Written

    @property
    def names(self) -> dict[str, str]:
        return {
            "alice": self.alice.did,
            "bob": self.bob.did,
            "song": self.song.uri,
            "rkey": self.song.rkey,
            "like": self.like.uri,
            "again": self.again.uri,
            "list": self.list.uri,
        }

    async def plant(self, statement: str) -> None:
        """Counters that follow by themselves have done so when this returns."""
        await self.story.program.rows(statement.format(**self.names))

        async def is_counted() -> bool:
            behind = "select 1 from account where active <> counted_active"
            return not await self.story.program.rows(behind)

        await wait_until(is_counted)

    async def found(self) -> set[tuple[str, str]]:
        names = {value: name for name, value in self.names.items()}
        found = await named_by_audit(self.story.program, self.alice, self.bob)
        return {(kind, names.get(subject, subject)) for kind, subject in found}

    async def mend(self) -> None:
        assert await resynced(self.story.program, self.alice, self.bob)


@pytest.fixture(scope="module")
async def scene(stage: Stage) -> AsyncIterator[Scene]:
    story = Story(stage)
    alice, song = await story.known("alice")
    for value in (profile(), playlist([song, song], listType="album"), track("Broken")):
        is_broken = value.get("title") == "Broken"
        await alice.write({**value, "title": 7} if is_broken else value, valid=not is_broken)
    bob = await story.person("bob")
    liked = await bob.write(like(song))
    again = await bob.write(like(song))
    await bob.write(comment(song))
    listed = await bob.write(playlist([song, "at://did:plc:other/fm.plyr.track/x"]))
    doomed = await bob.write(track("Doomed"))
    await bob.delete(doomed)
    await story.holds()
    yield Scene(story, alice, bob, song, liked, again, listed)


PLANTED = {
    "a record that is not there": (
        "delete from record where did = '{alice}' and rkey = '{rkey}'",
        {("missing", "song"), ("row", "song"), ("count", "alice")},
    ),
    "a record with another cid": (
        """
        update record set cid = 'bafyreiclp443lavogvhj3d2ob2cxbfuscni2k5jk7bebjzg7khl3esabwq'
        where did = '{alice}' and rkey = '{rkey}'
        """,
        {("other", "song"), ("value", "song"), ("row", "song")},
    ),
    "a record with the bytes of another": (
        """
        update record set value = other.value
        from record as other
        where record.did = '{alice}' and record.rkey = '{rkey}'
          and other.did = '{bob}' and other.collection = 'fm.plyr.list'
        """,
        {("value", "song"), ("verdict", "song"), ("row", "song"), ("takedown", "song")},
    ),
    "a record called deleted": (
        """
        update record set state = 'deleted', cid = null, value = null, counted = false
        where did = '{alice}' and rkey = '{rkey}'
        """,
        {("missing", "song"), ("row", "song"), ("count", "alice")},
    ),
    "a record called invalid": (
        "update record set state = 'invalid' where did = '{alice}' and rkey = '{rkey}'",
        {("verdict", "song")},
    ),
    "a record that its author never wrote": (
        """
        insert into record (did, collection, rkey, cid, rev, state, counted, value)
        select did, collection, '3kaaaaaaaaa22', cid, '2222222222222', 'valid', true, value
        from record where did = '{alice}' and rkey = '{rkey}'
        """,
        {
            ("extra", "at://{alice}/fm.plyr.track/3kaaaaaaaaa22"),
            ("row", "at://{alice}/fm.plyr.track/3kaaaaaaaaa22"),
            ("count", "alice"),
        },
    ),
    "a row that is not there": (
        "delete from track where uri = '{song}'",
        {("row", "song")},
    ),
    "a row that says something else": (
        "update track set title = 'Other' where uri = '{song}'",
        {("row", "song")},
    ),
    "a list without one of its items": (
        "delete from list_item where list_uri = '{list}' and position = 0",
        {("row", "list"), ("sums", "list")},
    ),
    "a row of no record": (
        """
        insert into "like"
        select replace(uri, rkey, '3kaaaaaaaaa22'), did, '3kaaaaaaaaa22', cid, subject,
            subject_cid, created_at, sort_at, indexed_at
        from "like" where uri = '{like}'
        """,
        {("row", "at://{bob}/fm.plyr.like/3kaaaaaaaaa22")},
    ),
    "a like that is linked to nothing": (
        "delete from link where uri = '{like}'",
        {
            ("link", "like"),
            ("link", "again"),
            ("count", "song"),
            ("count", "alice"),
            ("count", "bob"),
        },
    ),
    "a link that is in no list": (
        "insert into link (uri, subject, kind, did) values ('{list}', '{list}', 'list', '{bob}')",
        {("link", "list")},
    ),
    "a like that is not counted": (
        "update link set counted = false where uri = '{like}'",
        {("link", "like"), ("count", "song"), ("count", "alice"), ("count", "bob")},
    ),
    "one like too many": (
        "update subject_count set likes = likes + 1 where subject = '{song}'",
        {("count", "song")},
    ),
    "a track too few": (
        "update account_count set tracks = tracks - 1 where did = '{alice}'",
        {("count", "alice")},
    ),
    "no counts at all": (
        "delete from account_count where did in ('{alice}', '{bob}')",
        {("count", "alice"), ("count", "bob")},
    ),
    "an album that is not in the table": (
        "delete from album where did = '{alice}'",
        {("album", "alice")},
    ),
    "an album that nothing names": (
        "insert into album (did, title_key) values ('{bob}', 'unheard of')",
        {("album", "bob")},
    ),
    "sums that no tracks have": (
        "update derived.list_sum set playable = playable + 1 where uri = '{list}'",
        {("sums", "list")},
    ),
    "an older rev": (
        "update repo set rev = '2222222222222' where did = '{alice}'",
        {("rev", "alice")},
    ),
    "another tree": (
        "update repo set data = sha256(data) where did = '{alice}'",
        {("tree", "alice")},
    ),
    "a collection that was not walked": (
        "update repo set walked = array_remove(walked, 'fm.plyr.list') where did = '{alice}'",
        {("unwalked", "alice")},
    ),
    "no repo at all": (
        "delete from repo where did = '{alice}'",
        {("untracked", "alice")},
    ),
    "a repo that waits": (
        """
        update repo set state = 'waiting', due_at = now() + interval '1 day'
        where did = '{alice}'
        """,
        {("state", "alice")},
    ),
    "a takedown that nobody decided": (
        "update account set taken_down = true where did = '{alice}'",
        {("takedown", "alice")},
    ),
}


@pytest.mark.parametrize("what", PLANTED)
async def test_audit_names_what_was_planted_and_resync_mends_it(scene: Scene, what: str) -> None:
    statement, named = PLANTED[what]
    expected = {(kind, subject.format(**scene.names)) for kind, subject in named}
    await scene.plant(statement)
    try:
        assert await scene.found() == expected
    finally:
        await scene.mend()
    assert await scene.found() == set()
    await scene.story.agrees([scene.alice, scene.bob])


ABOUT_ACCOUNTS = {
    "another status": (
        """
        update account set upstream_status = 'deactivated', upstream_active = false
        where did = '{alice}'
        """,
        {"status"},
    ),
    "another word for the status": (
        "update account set upstream_status = 'throttled' where did = '{alice}'",
        {"status"},
    ),
    "no handle": (
        "update account set handle = null where did = '{alice}'",
        {"handle"},
    ),
    "another key": (
        """
        update account set signing_key = other.signing_key from account as other
        where account.did = '{alice}' and other.did <> '{alice}'
        """,
        {"key"},
    ),
    "another host": (
        "update account set pds = 'https://elsewhere.test' where did = '{alice}'",
        {"pds"},
    ),
}


@pytest.mark.parametrize("what", ABOUT_ACCOUNTS)
async def test_audit_names_what_is_wrong_about_an_account(story: Story, what: str) -> None:
    alice, _ = await story.known()
    statement, named = ABOUT_ACCOUNTS[what]
    await story.program.rows(statement.format(alice=alice.did))
    found = await named_by_audit(story.program, alice)
    # The running indexer follows a changed status with its counts within a second, or already has.
    found -= {("recount", alice.did)}
    assert found == {(kind, alice.did) for kind in named}
    assert await resynced(story.program, alice)

    async def is_mended() -> bool:
        return await differences(story.program, alice) == []

    await wait_until(is_mended)


async def test_nothing_differs_after_what_happens_to_people(story: Story) -> None:
    alice, bob, _ = await entangled(story)
    carol, _ = await story.known("carol")
    await bob.become("deactivated")
    await carol.rotate_key("p256")
    await carol.rename(f"new-{carol.handle}")
    await carol.write(track("With a new key"))
    await story.holds()
    assert await differences(story.program, alice, bob, carol, grace_seconds=1) == []
    story.world.directory.tombstoned.add(bob.did)
    await bob.become("deleted")
    await story.holds()
    assert await differences(story.program, bob, grace_seconds=1) == []


async def test_a_profile_from_elsewhere_is_compared_too(story: Story) -> None:
    alice, _ = await story.known()
    await alice.write(bsky_profile("Alice"))
    await story.passes()
    assert await differences(story.program, alice) == []
    uri = f"at://{alice.did}/app.bsky.actor.profile/self"
    await story.program.rows("update bsky_profile set display_name = 'Bob' where uri = $1", uri)
    assert await named_by_audit(story.program, alice) == {("row", uri)}


async def test_an_audit_changes_nothing(story: Story) -> None:
    alice, song = await story.known()
    with story.world.relay.losing():
        await silently_changed(alice, song)
    before = await dump(story.program, alice.did)
    about_her = """
        select * from account join repo using (did) where did = $1
        """
    held = await story.program.rows(about_her, alice.did)
    assert await differences(story.program, alice)
    assert await story.program.rows(about_her, alice.did) == held
    assert await dump(story.program, alice.did) == before


async def test_what_nobody_told_is_found_and_mended(story: Story) -> None:
    alice, song = await story.known()
    doomed = await alice.write(track("Doomed"))
    await story.holds()
    with story.world.relay.losing():
        unheard = await alice.write(track("Unheard"))
        await alice.update(song, track("Revised in silence"))
        await alice.delete(doomed)
    assert await named_by_audit(story.program, alice) == {
        ("rev", alice.did),
        ("missing", unheard.uri),
        ("other", song.uri),
        ("extra", doomed.uri),
    }
    assert await resynced(story.program, alice)
    assert await differences(story.program, alice) == []


def moving(person: Person, *, before: bool) -> Fault:
    """She writes, deletes and revises while the PDS is being asked."""

    async def answered(answer: Answer) -> Response:
        response = None if before else await answer()
        song = await person.write(track("Written meanwhile"))
        await person.update(song, track("Revised meanwhile"))
        await person.delete(await person.write(track("Deleted meanwhile")))
        return response or await answer()

    return answered


@pytest.mark.parametrize("before", [True, False], ids=["blocks are gone", "blocks came first"])
@pytest.mark.parametrize("method", ["getRecord", "getBlocks", "getRepoStatus"])
async def test_a_repo_that_moves_meanwhile_gives_no_false_alarm(
    story: Story, method: str, before: bool
) -> None:
    alice, _ = await story.known()
    await alice.commit([alice.creating(track(f"One of many {number}")) for number in range(60)])
    await story.holds()
    fault = moving(alice, before=before)
    alice.pds.faults.on(f"com.atproto.sync.{method}", fault, times=3)
    assert await differences(story.program, alice) == []
    await story.holds()
    assert await differences(story.program, alice) == []


async def test_an_unknown_repo_with_records_of_ours_is_a_difference(story: Story) -> None:
    with story.world.relay.losing():
        alice = await story.person("unheard")
        await alice.write(track("Unheard"))
        bob = await story.world.person("bob")
    found = await named_by_audit(story.program, alice, bob)
    assert found == {("untracked", alice.did)}


async def test_what_cannot_be_asked_is_said_and_is_no_difference(story: Story) -> None:
    alice, _ = await story.known()
    alice.pds.faults.on("com.atproto.sync.getRepoStatus", status(500, error="Broken"))
    ended = await command(story.program, "audit", "--json", "--grace", "0", alice.did, MISSING)
    assert ended.status == 2
    errors = {line["did"]: line["error"] for line in ended.lines}
    assert set(errors) == {alice.did, MISSING}
    assert "Broken" in errors[alice.did]
    assert "not registered" in errors[MISSING]
    assert "0 differences, 2 could not be compared" in ended.err


async def test_a_host_that_asks_for_peace_gets_it(story: Story) -> None:
    alice, _ = await story.known()
    alice.pds.faults.on("com.atproto.sync.getRecord", status(429, {"retry-after": "1"}), times=1)
    assert await differences(story.program, alice) == []


async def test_a_host_that_gives_no_blocks_gives_the_whole_repo(story: Story) -> None:
    pds = await story.world.another_pds()
    for method in ("getRecord", "getBlocks"):
        pds.faults.on(f"com.atproto.sync.{method}", status(501, error="MethodNotImplemented"))
    alice = await story.person(pds=pds)
    await alice.write(track())
    await story.holds()
    assert await differences(story.program, alice) == []
    await story.program.rows("delete from track where did = $1", alice.did)
    assert {each.kind for each in await differences(story.program, alice)} == {"row"}


async def test_a_passing_difference_is_none(story: Story) -> None:
    alice, _ = await story.known()
    await story.program.rows("update account set handle = null where did = $1", alice.did)
    asked, second_look = alice.times_asked(STATUS), asyncio.Event()
    alice.pds.faults.on(STATUS, slow(0), times=1)
    alice.pds.faults.on(STATUS, held(second_look), times=1)
    async with asyncio.TaskGroup() as group:
        looking = group.create_task(differences(story.program, alice))
        await wait_until(lambda: alice.times_asked(STATUS) == asked + 2)
        await story.program.rows(
            "update account set handle = $2 where did = $1", alice.did, alice.handle
        )
        second_look.set()
    assert looking.result() == []


async def test_everything_is_compared_when_nobody_is_named(story: Story) -> None:
    alice, _ = await story.known()
    await story.program.rows(
        "insert into subject_count (subject, likes) values ('at://did:plc:x/a.b.c/d', 3)"
    )
    await story.program.rows("update track set title = 'Other' where did = $1", alice.did)
    ended = await command(story.program, "audit", "--json", "--grace", "0")
    assert ended.status == 1
    found = {(line["kind"], line["subject"]) for line in ended.lines if "kind" in line}
    assert ("count", "at://did:plc:x/a.b.c/d") in found
    assert [line for line in ended.lines if line["did"] == alice.did]
    await story.program.rows("delete from subject_count where subject like 'at://did:plc:x/%'")
    assert await resynced(story.program, alice)


def test_every_kind_of_difference_is_explained() -> None:
    explained = [row[0].strip("`") for row in rows(read("docs/audit.md"))]
    assert explained == [str(kind) for kind in Kind]


async def test_the_exit_status_says_that_nothing_differs(story: Story) -> None:
    alice, _ = await story.known()
    ended = await command(story.program, "audit", alice.handle, "--grace", "0")
    assert (ended.status, ended.out) == (0, "")
    assert "1 accounts compared: 0 differences, 0 could not be compared" in ended.err
