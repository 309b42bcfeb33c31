"""Events carry repositories: CAR files, Merkle search trees, signed commits."""
