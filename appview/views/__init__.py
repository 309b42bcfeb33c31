"""Rows in, JSON out: pure functions."""
