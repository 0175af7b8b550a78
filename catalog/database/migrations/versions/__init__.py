"""Revisions ``0001``, ``0002``, …: ``PRAGMA user_version`` holds the number that a library is at."""
