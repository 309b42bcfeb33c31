"""HTML for people, and for what turns a pasted link into a player. No page needs a script."""
