"""One file per command that does more than a click."""
