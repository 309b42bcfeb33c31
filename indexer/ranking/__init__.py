"""Orders and sums that take too long to work out when somebody asks; see docs/ranking.md."""
