"""What there is to ask a filled catalogue about, and the questions for each method."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlencode

import asyncpg

from lexicons.catalog import Catalog
from lexicons.words import words
from tests.appview.world import parameters

ASKED = 400
LISTS = {"fm.plyr.library.getList", "fm.plyr.library.getLists"}
ALBUM = "fm.plyr.library.getAlbum"
STATUS = "fm.plyr.sync.getRecordStatus"

# Half of them of the best liked fiftieth, half of them any: what is asked for is as well liked
# among its kind, whatever the size of the catalogue.
TRACKS = """
(
    select subject
    from (
        select subject, percent_rank() over (order by likes desc) as place
        from subject_count
        join track on uri = subject
    ) as ranked
    where place < 0.02
    order by md5(subject)
    limit $1
)
union all
(select uri from track order by md5(uri) limit $1)
"""

ACTORS = """
(
    select did
    from (
        select did, percent_rank() over (order by likes_received desc) as place
        from account_count
        where tracks > 0
    ) as ranked
    where place < 0.02
    order by md5(did)
    limit $1
)
union all
(select did from account_count where tracks > 0 order by md5(did) limit $1)
"""

BEST_TRACKS = """
select subject from subject_count join track on uri = subject order by likes desc limit $1
"""

BEST_ACTORS = "select did from account_count where tracks > 0 order by likes_received desc limit $1"

LIST_URIS = "select uri from list where item_count > 0 order by md5(uri) limit $1"

ALBUM_URIS = "select uri from list where list_type = 'album' order by md5(uri) limit $1"

TAGS = "select tag from track_tag group by tag order by count(*) desc limit $1"

TITLES = "select title from track order by md5(uri) limit $1"


@dataclass(frozen=True, slots=True)
class Subjects:
    tracks: Sequence[str]
    actors: Sequence[str]
    lists: Sequence[str]
    albums: Sequence[str]
    tags: Sequence[str]
    texts: Sequence[str]
    best_tracks: Sequence[str]
    best_actors: Sequence[str]

    @property
    def the_best(self) -> Self:
        """None but the very best liked, of tracks and of those who made them."""
        return replace(self, tracks=self.best_tracks, actors=self.best_actors)

    def value(self, nsid: str, name: str, place: int) -> object:
        uris = self.lists if nsid in LISTS else self.albums if nsid == ALBUM else self.tracks
        among = {
            "actor": self.actors,
            "did": self.actors,
            "q": self.texts,
            "search": self.texts,
            "tag": self.tags,
        }
        if name in {"uris", "actors"}:
            some = uris if name == "uris" else self.actors
            return [some[(place + number) % len(some)] for number in range(10)]
        found = among.get(name, uris)
        return found[place % len(found)]


async def look_around(url: str) -> Subjects:
    connection = await asyncpg.connect(url)
    asked = [(TRACKS, ASKED // 2), (ACTORS, ASKED // 2), (LIST_URIS, ASKED), (ALBUM_URIS, ASKED)]
    asked += [(TAGS, 50), (TITLES, ASKED), (BEST_TRACKS, ASKED // 2), (BEST_ACTORS, ASKED // 2)]
    found = [[row[0] for row in await connection.fetch(*query)] for query in asked]
    await connection.close()
    tracks, actors, lists, albums, tags, titles, *best = found
    chance = random.Random(5)
    for some in (tracks, actors):
        chance.shuffle(some)
    texts = [" ".join(words(title)[: chance.randint(1, 3)]) for title in titles]
    return Subjects(tracks, actors, lists, albums, tags, [text for text in texts if text], *best)


def paths(catalog: Catalog, nsid: str, subjects: Subjects) -> list[str]:
    required = catalog.documents[nsid]["defs"]["main"].get("parameters", {}).get("required", [])
    names = [name for name in parameters(catalog, nsid) if name in required]
    names += ["uri"] if nsid in {ALBUM, STATUS} else []
    asked = [
        urlencode({name: subjects.value(nsid, name, place) for name in names}, doseq=True)
        for place in range(ASKED)
    ]
    return list(dict.fromkeys(f"/xrpc/{nsid}?{query}".removesuffix("?") for query in asked))
