"""Pixels ↔ PNG files that say what they are."""
