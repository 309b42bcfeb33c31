"""How a figure is printed: the number, its yardstick of the same run, and what it should reach."""

import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` and `yardstick` are medians of paired runs, `ratio` the median of the pairs'."""

    name: str
    unit: str
    value: float
    yardstick: float | None = None
    ratio: float | None = None
    goal: str = ""

    def line(self) -> str:
        text = f"{self.name:<52} {self.value:>12,.1f} {self.unit}"
        if self.yardstick is not None:
            text += f"   yardstick {self.yardstick:,.1f}"
        if self.ratio is not None:
            text += f"   ratio {self.ratio:.2f}"
        return text + (f"   (goal: {self.goal})" if self.goal else "")


def paired(name: str, unit: str, pairs: Sequence[tuple[float, float]], goal: str = "") -> Figure:
    """A figure against its yardstick: each pair was measured one right after the other."""
    return Figure(
        name,
        unit,
        statistics.median(ours for ours, _ in pairs),
        statistics.median(yardstick for _, yardstick in pairs),
        statistics.median(ours / yardstick for ours, yardstick in pairs),
        goal,
    )


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def machine() -> str:
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )
