"""Repositories as bytes: CAR files, Merkle search trees, signed commits. No input or output."""
