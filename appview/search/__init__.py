"""From what somebody typed to what they may have meant: docs/search.md."""
