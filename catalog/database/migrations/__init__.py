"""The history of the schema: one file a revision in ``versions/``, run by ``catalog.database.migrate``, never by an ini file."""
