"""Counted calls outside, so that a restart is no way round the caps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "dialled",
        sa.Column("leg", _Id, primary_key=True, autoincrement=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("per_minute", sa.Double, nullable=False),
        sa.Column("began_at", sa.Double, nullable=False),
        sa.Column("answered_at", sa.Double),
        sa.Column("ended_at", sa.Double),
    )
    op.create_index("dialled_by_time", "dialled", ["began_at"])


def downgrade() -> None:
    op.drop_table("dialled")
