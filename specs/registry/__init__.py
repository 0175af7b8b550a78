"""The checkpoints that limner knows: where they are, what they are, and what they may be used for."""
