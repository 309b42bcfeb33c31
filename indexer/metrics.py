"""Prometheus metrics of the indexer; label values come from the enums."""

from prometheus_client import Counter, Gauge

frames_total = Counter("plyr_frames", "Frames received from the relay", ["kind"])
rejected_total = Counter("plyr_rejected", "Events refused", ["reason"])
verdicts_total = Counter("plyr_verdicts", "Proven events by effect on the chain", ["verdict"])
queued_total = Counter("plyr_queued", "Frames put into a repo's queue", ["reason"])
gaps_total = Counter("plyr_gaps", "Stretches of the stream that were skipped")
undescribed_total = Counter("plyr_undescribed", "Times a host could not say what a repo holds")
resyncs_total = Counter("plyr_resyncs", "Walks of a repo", ["outcome"])
identity_failures_total = Counter("plyr_identity_failures", "DIDs that did not resolve")
relay_connected = Gauge("plyr_relay_connected", "1 while the firehose is open")
last_seq = Gauge("plyr_last_seq", "seq of the last event that is settled in the database")
lag_seconds = Gauge("plyr_lag_seconds", "Now less the time that the last settled event claims")
repos = Gauge("plyr_repos", "Tracked repos by state", ["state"])
events_total = Counter("plyr_events", "Events numbered for subscribers")
blind_total = Counter(
    "plyr_blind",
    "Commits that the relay did not tell us of, or in a frame that had to be refused",
    ["noticed_by"],
)
probes_total = Counter("plyr_probes", "Addresses of sound that were asked for", ["found"])
ranking_seconds = Gauge("plyr_ranking_seconds", "How long a ranking took to work out", ["work"])
labelers_connected = Gauge("plyr_labelers_connected", "Labelers whose stream is open")
labels_total = Counter("plyr_labels", "Labels kept, and negations")
labels_refused_total = Counter("plyr_labels_refused", "Labels refused", ["reason"])
