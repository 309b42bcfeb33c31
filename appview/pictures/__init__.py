"""Pictures of strangers, made anew by a process that has nothing to lose."""
