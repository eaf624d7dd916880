"""How well each leg was heard: loss, jitter and the estimated opinion."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COLUMNS = ("loss_percent", "jitter_ms", "mos")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("call_detail", sa.Column(name, sa.Double, nullable=False, server_default="0"))


def downgrade() -> None:
    for name in reversed(_COLUMNS):
        op.drop_column("call_detail", name)
