"""Rows as unnest takes them."""

from collections.abc import Sequence
from typing import Any


def columns(rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """One array for each column."""
    return list(zip(*rows, strict=True))
