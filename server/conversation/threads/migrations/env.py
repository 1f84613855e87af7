"""Runs the migrations on the connection that database opened. Called by alembic."""

from alembic import context

from server.conversation.threads.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
context.run_migrations()
