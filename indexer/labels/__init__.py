"""What labelers say that the operator trusts: read, proven, kept, and what it hides."""
