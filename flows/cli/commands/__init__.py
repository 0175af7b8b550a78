"""One file a command: its options are in ``flows/cli/app.py``, its work is here."""
