"""A spec file → values, or all its errors at once."""
