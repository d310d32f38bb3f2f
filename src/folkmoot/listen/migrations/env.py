"""What alembic runs: the missing steps, in the transaction of whoever opens the store."""

from alembic import context

from folkmoot.listen.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
