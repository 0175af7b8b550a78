"""Opinions: one CLIP pass a candidate, the scores read from it, the pure judge and the choice of keepers."""
