"""Recordings, and who heard them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "recording",
        sa.Column("id", _Id, primary_key=True, autoincrement=False),
        sa.Column("interaction", _Id, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("dialled", sa.Text, nullable=False),
        sa.Column("agents", sa.JSON, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("began_at", sa.Double, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("lost_packets", sa.BigInteger, nullable=False),
        sa.Column("gap_seconds", sa.Double, nullable=False),
        sa.Column("marks", sa.JSON, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("deleted_at", sa.Double),
        sa.Column("deleted_because", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("recording_by_interaction", "recording", ["interaction"])
    op.create_index("recording_by_time", "recording", ["began_at"])
    op.create_table(
        "recording_access",
        sa.Column("recording", _Id, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, primary_key=True, autoincrement=False),
        sa.Column("who", sa.Text, primary_key=True),
        sa.Column("how", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("recording_access")
    op.drop_table("recording")
