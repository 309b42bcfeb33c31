"""What people would want to find, they find: first, or nearly so."""

from tests.appview.conftest import Client
from tests.appview.judged import QUERIES_JUDGED, mean_by_group
from tests.appview.judging import judge
from tests.appview.makers import Rows

GOOD = 0.97
GOOD_IN_A_GROUP = 0.88


async def test_people_find_what_they_want(rows: Rows, client: Client) -> None:
    assert len(QUERIES_JUDGED) >= 80
    ranks, missed = await judge(rows, client)
    assert sum(ranks.values()) / len(ranks) >= GOOD, missed
    for group, mean in mean_by_group(ranks).items():
        assert mean >= GOOD_IN_A_GROUP, (group, missed)
