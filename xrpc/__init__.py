"""Everything said over the wire that any AppView would need."""
