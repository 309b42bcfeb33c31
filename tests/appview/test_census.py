"""How old the count of the repos may be."""

from appview.census import Census
from migrations.database import Pool
from tests.appview.makers import Rows


async def test_a_count_is_good_for_a_thousand_times_as_long_as_it_took(
    pool: Pool, rows: Rows
) -> None:
    times = iter([100.0, 100.02, 120.0, 120.1, 120.13])
    census = Census(clock=lambda: next(times))
    async with pool.acquire() as connection:
        await rows.insert("repo", did="did:plc:one")
        assert (await census.repos(connection))["total"] == 1
        await rows.insert("repo", did="did:plc:two")
        assert (await census.repos(connection))["total"] == 1
        assert (await census.repos(connection))["total"] == 2
