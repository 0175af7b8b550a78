"""Run revisions on the connection that ``catalog.database.migrate`` hands over, inside its transaction."""

from alembic import context

from catalog.database.schema import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
context.run_migrations()
