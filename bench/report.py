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
    value: float
    unit: str
    yardstick: float | None = None
    ratio: float | None = None
    goal: str = ""
    note: str = ""

    def line(self) -> str:
        text = f"{self.name:<48} {self.value:>10,.{0 if self.value >= 100 else 1}f} {self.unit}"
        if self.yardstick is not None:
            text += f"   yardstick {self.yardstick:,.0f}"
        if self.ratio is not None:
            text += f"   ratio {self.ratio:.2f}"
        text += f"   (goal: {self.goal})" if self.goal else ""
        return text + (f"\n    {self.note}" if self.note else "")


def paired(
    name: str, unit: str, pairs: Sequence[tuple[float, float]], *, goal: str = "", note: str = ""
) -> Figure:
    """A figure against its yardstick: each pair was measured one right after the other."""
    ratios = [ours / yardstick for ours, yardstick in pairs]
    spread = f"ratios of the pairs {min(ratios):.2f} to {max(ratios):.2f}"
    return Figure(
        name,
        statistics.median(ours for ours, _ in pairs),
        unit,
        statistics.median(yardstick for _, yardstick in pairs),
        statistics.median(ratios),
        goal,
        f"{spread}; {note}" if note else spread,
    )


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def machine() -> str:
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def load() -> str:
    """What others do on the machine, as far as the last minute tells."""
    return f"load {os.getloadavg()[0]:.1f}"
