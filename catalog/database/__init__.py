"""The catalog's tables and what only SQLite knows: connections, migrations, locks, the seal."""
