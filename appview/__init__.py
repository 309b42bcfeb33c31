"""What a query answers, and the command line."""
