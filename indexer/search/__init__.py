"""What can be found: documents of folded text, kept in step with what they are made of."""
