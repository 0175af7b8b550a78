"""The review page: people look at candidates and decide. It reads the catalog and appends verdicts."""
