"""Verification of a library, and its repair."""
