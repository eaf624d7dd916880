"""What was known of a caller's number (STIR): "verified A", "failed 438", "missing"; null: not checked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("interaction", sa.Column("identity", sa.Text))
