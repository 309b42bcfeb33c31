"""What a service of ours needs around it, one look at each."""
