"""Alembic's entry point. The revisions are rendered as SQL text; asyncpg runs it."""

from alembic import context

# runner.py wraps the text in a transaction of its own, hence none is rendered here.
context.configure(dialect_name="postgresql", transactional_ddl=False)
context.run_migrations()
