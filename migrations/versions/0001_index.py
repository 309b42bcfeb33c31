"""The index: accounts, repositories, records, what hangs on them."""

from migrations.runner import emit_sql

revision = "0001_index"
down_revision = None


def upgrade() -> None:
    emit_sql(__file__)
