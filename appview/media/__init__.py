"""Bytes of strangers, proven by their CID and kept for a while."""
