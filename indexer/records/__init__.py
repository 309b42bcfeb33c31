"""One file per record type."""
