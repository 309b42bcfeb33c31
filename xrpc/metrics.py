"""Prometheus metrics of what goes over the wire; label values come from registries and enums."""

from prometheus_client import Counter, Gauge, Histogram

identity_lookups_total = Counter(
    "plyr_identity_lookups", "DIDs and handles looked up on the network", ["kind", "outcome"]
)
requests_total = Counter("plyr_xrpc_requests", "XRPC requests answered", ["method", "status"])
request_seconds = Histogram(
    "plyr_xrpc_request_seconds",
    "Time to answer an XRPC request",
    ["method"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
subscribers = Gauge("plyr_subscribers", "Event streams that are open")
stream_messages_total = Counter("plyr_stream_messages", "Events sent to subscribers", ["how"])
streams_cut_total = Counter("plyr_streams_cut", "Event streams ended by an error", ["error"])
