"""Bugs in what is ranked, and in how a walk through ranks goes on."""

from tests.mutants.mutant import Mutant

RANKING = "tests/indexer/test_ranking.py"
FEEDS = "tests/appview/test_feeds.py"
ACTIVITY = "tests/appview/test_activity.py"
CHARTS = "indexer/ranking/charts.py"

RANKS = (
    Mutant(
        name="repeated-deeds-count",
        file=CHARTS,
        old="        group by subject, did\n    ) as deed",
        new="        group by subject, did, uri\n    ) as deed",
        breaks="who makes five lists with a track lifts it by five",
        tests=(f"{RANKING}::test_R15_own_likes_and_repeated_ones_lift_nothing",),
    ),
    Mutant(
        name="votes-without-bound",
        file=CHARTS,
        old="least(1.0, $5::float8 / count(*)) as strength",
        new="least(1.0, 0 * $5::float8 + count(*)) as strength",
        breaks="who likes everything has as many votes as there are tracks",
        tests=(f"{RANKING}::test_who_likes_everything_has_no_more_votes_than_others",),
    ),
    Mutant(
        name="hidden-authors-ranked",
        file=CHARTS,
        old="""    join account on account.did = track.did and account.active
    where not exists (select from local.takedown where takedown.subject = hot.subject)""",
        new="""    join account on account.did = track.did
    where not exists (select from local.takedown where takedown.subject = hot.subject)""",
        breaks="hidden tracks take places, and pages are short for nothing",
        tests=(f"{RANKING}::test_who_is_hidden_is_not_ranked",),
    ),
    Mutant(
        name="own-fans-relate",
        file="indexer/ranking/related.py",
        old="                  and split_part(liked.subject, '/', 3) <> fan.did\n",
        new="",
        breaks="authors relate their own tracks to whatever they like",
        tests=(f"{RANKING}::test_authors_are_no_fans_of_their_own",),
    ),
    Mutant(
        name="replaced-orders-dropped",
        file=CHARTS,
        old="        now + LIFETIME,",
        new="        now,",
        breaks="a walk ends with CursorExpired as soon as anybody likes anything",
        tests=(f"{RANKING}::test_a_replaced_order_lives_for_an_hour",),
    ),
    Mutant(
        name="cursor-of-any-chart",
        file="appview/hydrate/rankings.py",
        old='    if row["chart"] != chart:',
        new='    if row["chart"] is None:',
        breaks="a cursor of another chart goes on in that one",
        tests=(f"{FEEDS}::test_a_cursor_belongs_to_its_chart",),
    ),
    Mutant(
        name="a-walk-starts-over",
        file="appview/hydrate/rankings.py",
        old="token, place + 1, place + limit",
        new="token, place, place + limit",
        breaks="each page repeats the last track of the one before",
        tests=(f"{FEEDS}::test_a_walk_keeps_to_its_ranking_while_another_takes_its_place",),
    ),
)
