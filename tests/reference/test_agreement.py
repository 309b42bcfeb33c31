"""What is repeated until it agrees, and what is said when it never does."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from tests.reference.agreement import eventually
from tests.reference.network import Refused


def failing_first(*errors: Exception) -> Callable[[], Awaitable[None]]:
    left = list(errors)

    async def check() -> None:
        if left:
            raise left.pop(0)

    return check


async def test_who_does_not_have_it_yet_is_asked_again() -> None:
    late = Refused(400, "ListNotFound", "at://a/b/c")
    await eventually(failing_first(late, httpx.ReadError("closed"), AssertionError("2 of 3")))


async def test_what_never_agrees_is_told_with_all_that_was_seen() -> None:
    check = failing_first(AssertionError("1 of 3"), AssertionError("2 of 3"))
    with pytest.raises(AssertionError, match="1 of 3") as failed:
        await eventually(check, seconds=-1)
    assert "checked 1 times" in failed.value.__notes__[0]
