"""Why something is shown, or is not: facts in the order in which they decide."""
