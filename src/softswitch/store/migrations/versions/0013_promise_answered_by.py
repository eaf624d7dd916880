"""Who answered the call that was to keep a promise: a person, a machine, a fax."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("promise", sa.Column("answered_by", sa.Text, nullable=False, server_default=""))
    op.create_index("promise_by_interaction", "promise", ["interaction"])


def downgrade() -> None:
    op.drop_index("promise_by_interaction", "promise")
    op.drop_column("promise", "answered_by")
