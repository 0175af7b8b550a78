"""Questions to the catalog. Reads only."""
