"""Weights: found, hashed, checked, converted, loaded."""
