"""The history of the schema: one file a revision in ``versions/``, run by ``catalog.migrate``, never by an ini file."""
