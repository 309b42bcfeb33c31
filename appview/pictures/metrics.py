"""Prometheus metrics of pictures."""

from prometheus_client import Counter

made_total = Counter("plyr_pictures", "Pictures that had to be made", ["outcome"])
