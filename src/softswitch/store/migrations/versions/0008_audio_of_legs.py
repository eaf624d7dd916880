"""What was spoken on each leg, how long it was not heard, and what its own reports say."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_FIGURES = ("silent_seconds", "round_trip_ms", "peer_loss_percent")


def upgrade() -> None:
    op.add_column("call_detail", sa.Column("codec", sa.Text, nullable=False, server_default=""))
    for name in _FIGURES:
        op.add_column("call_detail", sa.Column(name, sa.Double, nullable=False, server_default="0"))


def downgrade() -> None:
    for name in reversed(_FIGURES):
        op.drop_column("call_detail", name)
    op.drop_column("call_detail", "codec")
