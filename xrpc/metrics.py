"""Prometheus metrics of what goes over the wire; label values come from registries and enums."""

from prometheus_client import Counter, Gauge, Histogram

identity_lookups_total = Counter(
    "plyr_identity_lookups", "DIDs and handles looked up on the network", ["kind", "outcome"]
)
requests_total = Counter("plyr_requests", "Requests answered", ["route", "status"])
request_seconds = Histogram(
    "plyr_request_seconds",
    "Time to answer a request",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
subscribers = Gauge("plyr_subscribers", "Event streams that are open")
stream_messages_total = Counter("plyr_stream_messages", "Events sent to subscribers", ["how"])
streams_cut_total = Counter("plyr_streams_cut", "Event streams ended by an error", ["error"])


def count(route: str, status: int, seconds: float) -> None:
    """`route`: an NSID or a path as it is declared, never as somebody asked for it."""
    requests_total.labels(route, status).inc()
    request_seconds.labels(route).observe(seconds)
