"""The choice of a set's keepers."""
