"""Prometheus metrics of the blobs: docs/metrics.md says what they mean."""

import math

from prometheus_client import Counter, Gauge

from appview.media.disk import Disk, NoRoom
from appview.media.filling import Wrong
from appview.media.kept import Kept, KeptFile

found_total = Counter("plyr_media_found", "Where a blob was when it was asked for", ["where"])
served_bytes_total = Counter("plyr_media_served_bytes", "Bytes of blobs handed out")
fills_total = Counter("plyr_media_fills", "Fetches of a blob", ["outcome"])
uploads_total = Counter("plyr_media_uploads", "Blobs for the bucket", ["outcome"])
cache_bytes = Gauge("plyr_media_cache_bytes", "What the folder of blobs holds and has set aside")


def weigh(disk: Disk | None) -> None:
    """At every scrape; None when there is nothing to be weighed any more."""
    cache_bytes.set_function(lambda: math.nan if disk is None else _held(disk))


def _held(disk: Disk) -> float:
    try:
        return disk.held()
    except NoRoom:  # all other figures are wanted then
        return math.nan


def found(kept: Kept | None) -> None:
    there = "away" if kept is None else "bucket"
    found_total.labels("cache" if isinstance(kept, KeptFile) else there).inc()


def came(*, is_ours: bool) -> None:
    fills_total.labels("proven" if is_ours else "followed").inc()


def failed(error: Exception) -> None:
    if isinstance(error, Wrong):
        fills_total.labels("wrong").inc()
    else:
        fills_total.labels("no_room" if isinstance(error, NoRoom) else "failed").inc()
