"""What alembic runs; the connection is handed in by `fillwire.recorder.migrating`."""

from alembic import context

from fillwire.recorder.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
