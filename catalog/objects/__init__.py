"""The object store: pictures as files named by their own hash."""
