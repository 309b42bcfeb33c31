"""Rates: so many at once, and so many a second from then on."""

from dataclasses import dataclass


@dataclass(slots=True)
class TokenBucket:
    per_second: float
    burst: float
    level: float
    filled_at: float

    @classmethod
    def full(cls, per_second: float, burst: float, now: float) -> "TokenBucket":
        return cls(per_second, burst, burst, now)

    def take(self, now: float) -> bool:
        """Take a token if there is one."""
        self._fill(now)
        if self.level < 1:
            return False
        self.level -= 1
        return True

    def reserve(self, now: float, *, longest_wait: float) -> float | None:
        """Take a token that may yet have to drip in; seconds until then, or None for too long."""
        self._fill(now)
        wait = max(0.0, (1 - self.level) / self.per_second)
        if wait > longest_wait:
            return None
        self.level -= 1
        return wait

    def has(self, tokens: float, now: float) -> bool:
        self._fill(now)
        return self.level >= tokens

    def _fill(self, now: float) -> None:
        elapsed = max(0.0, now - self.filled_at)
        self.level = min(self.burst, self.level + elapsed * self.per_second)
        self.filled_at = max(now, self.filled_at)
