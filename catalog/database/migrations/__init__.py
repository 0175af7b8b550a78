"""The history of the schema: one file a revision in ``versions/``, run by ``migrate.py``, never by an ini file."""
