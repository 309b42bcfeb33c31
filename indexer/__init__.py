"""The life of an event, from socket to row."""
