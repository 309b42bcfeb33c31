"""Prometheus metrics of playback."""

from prometheus_client import Counter

sounds_total = Counter("plyr_sounds", "Sound files that were read", ["outcome"])
