"""Ways to phones: the proxies between (RFC 3327) and several flows of one phone (RFC 5626)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contact", sa.Column("path", sa.Text, nullable=False, server_default=""))
    op.add_column("contact", sa.Column("instance", sa.Text, nullable=False, server_default=""))
    op.add_column("contact", sa.Column("reg_id", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    for name in ("reg_id", "instance", "path"):
        op.drop_column("contact", name)
