"""A person's taste, learned from their verdicts."""
