"""Memory: the SQLite catalog, the content-addressed object store, provenance and its verification."""
