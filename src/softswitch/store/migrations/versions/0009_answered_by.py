"""Who answered a call of ours that was listened to: a person, a machine, a fax."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("call_detail", sa.Column("answered_by", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("call_detail", "answered_by")
