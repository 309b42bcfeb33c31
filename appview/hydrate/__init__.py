"""Rows for what a page names, one statement per kind of thing."""
