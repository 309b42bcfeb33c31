"""Log lines about strangers, who can cause as many as they like: of each kind a few a minute.

`kind` is of a few words that are ours. Metrics count them all.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

PERIOD_SECONDS = 60.0
LINES_A_PERIOD = 10


@dataclass(slots=True)
class _Period:
    began: float
    lines: int = 0

    @property
    def kept_back(self) -> int:
        return max(0, self.lines - LINES_A_PERIOD)


@dataclass(slots=True)
class Seldom:
    log: FilteringBoundLogger
    clock: Callable[[], float] = time.monotonic
    _periods: dict[tuple[str, str], _Period] = field(default_factory=dict)

    def info(self, message: str, kind: str, **facts: object) -> None:
        now = self.clock()
        period = self._periods.setdefault((message, kind), _Period(now))
        if now - period.began >= PERIOD_SECONDS:
            if period.kept_back:
                facts["kept_back_before"] = period.kept_back
            period = self._periods[message, kind] = _Period(now)
        period.lines += 1
        if not period.kept_back:
            self.log.info(message, **facts)
