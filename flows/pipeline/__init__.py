"""The path from a spec to its keepers, as plain functions."""
