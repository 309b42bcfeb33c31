"""Prometheus metrics of the indexer; label values come from the enums."""

from prometheus_client import Counter

frames_total = Counter("plyr_frames", "Frames received from the relay", ["kind"])
rejected_total = Counter("plyr_rejected", "Events refused", ["reason"])
