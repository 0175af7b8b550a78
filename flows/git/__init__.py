"""The commit that a spec came from, read without running git."""
