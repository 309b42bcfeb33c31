"""The schema, and the one way to open the database."""
