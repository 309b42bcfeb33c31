"""A row of a result, by column: what queries read and views are made of."""

from typing import Any, Protocol


class Row(Protocol):
    def __getitem__(self, column: str, /) -> Any: ...  # noqa: ANN401 - as Postgres gave it
