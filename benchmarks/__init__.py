"""Timed comparisons, each a ratio against a named rival measured in the same run. Never part of the tests."""
