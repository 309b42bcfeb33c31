import pytest

from tests.databases import refuse_other_machines
from tests.support import wait_until


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres@localhost:5432/x",
        "postgresql://u:p@127.0.0.1/x",
        "postgresql://u@[::1]:5432/x",
        "postgresql:///x?host=/run/postgresql",
        "postgresql:///x",
    ],
)
def test_a_server_on_this_machine_may_be_used_for_tests(url: str) -> None:
    assert refuse_other_machines(url, {}) == url


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@db.example.com/x",
        "postgresql://u@localhost,db.example.com/x",
        "postgresql:///x?host=db.example.com",
        "postgresql://localhost/x?host=db.example.com",
        "postgresql://u@10.0.0.5:5432/x",
    ],
)
def test_a_server_elsewhere_is_refused_with_the_remedy(url: str) -> None:
    with pytest.raises(pytest.exit.Exception, match=r"not this machine.*unset it"):
        refuse_other_machines(url, {})


def test_the_host_of_the_environment_counts_when_the_url_names_none() -> None:
    with pytest.raises(pytest.exit.Exception, match=r"db\.example\.com"):
        refuse_other_machines("postgresql:///x", {"PGHOST": "db.example.com"})


async def test_waiting_ends_with_the_reason() -> None:
    with pytest.raises(AssertionError, match="not true within 0 s"):
        await wait_until(lambda: False, timeout_seconds=0)
