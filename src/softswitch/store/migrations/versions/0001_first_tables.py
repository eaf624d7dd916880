"""The first tables: journal of agents, interactions, talks, ring attempts, promises, call details, contacts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _agents()
    _interactions()
    _talks_and_rings()
    _promises()
    _call_details()


def _agents() -> None:
    op.create_table(
        "agent_event",
        sa.Column("id", _Id, primary_key=True, autoincrement=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("deadline", sa.Double),
        sa.Column("logged_out", sa.Boolean, nullable=False),
    )
    op.create_index("agent_event_by_agent", "agent_event", ["agent", "id"])
    op.create_table(
        "contact",
        sa.Column("agent", sa.Text, primary_key=True),
        sa.Column("place", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("transport", sa.Text, nullable=False),
        sa.Column("local_host", sa.Text, nullable=False),
        sa.Column("local_port", sa.Integer, nullable=False),
        sa.Column("remote_host", sa.Text, nullable=False),
        sa.Column("remote_port", sa.Integer, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("cseq", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("q", sa.Double, nullable=False),
        sa.Column("user_agent", sa.Text, nullable=False),
    )


def _interactions() -> None:
    op.create_table(
        "interaction",
        sa.Column("id", _Id, primary_key=True, autoincrement=False),
        sa.Column("caller", sa.Text),
        sa.Column("dialled", sa.Text),
        sa.Column("trunk", sa.Text),
        sa.Column("language", sa.Text),
        sa.Column("began_at", sa.Double),
        sa.Column("outcome", sa.Text),
        sa.Column("agent", sa.Text),
        sa.Column("ended_at", sa.Double),
        sa.Column("waited_seconds", sa.Double),
        sa.Column("sticky", sa.Text),
    )
    op.create_index("interaction_by_caller", "interaction", ["caller", "began_at"])
    op.create_index("interaction_by_time", "interaction", ["began_at"])
    op.create_table(
        "queue_entry",
        sa.Column("interaction", _Id, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, primary_key=True, autoincrement=False),
        sa.Column("queue", sa.Text, primary_key=True),
        sa.Column("customer", sa.Text),
        sa.Column("because", sa.Text, nullable=False),
        sa.Column("entered", sa.JSON, nullable=False),
        sa.Column("path", sa.JSON, nullable=False),
        sa.Column("previous_agent", sa.Text),
    )
    op.create_index("queue_entry_by_time", "queue_entry", ["at"])


def _talks_and_rings() -> None:
    op.create_table(
        "talk",
        sa.Column("attempt", _Id, primary_key=True, autoincrement=False),
        sa.Column("interaction", _Id, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("customer", sa.Text),
        sa.Column("began_at", sa.Double, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
    )
    op.create_index("talk_by_caller", "talk", ["caller", "began_at"])
    identified = sa.text("customer IS NOT NULL")
    op.create_index(
        "talk_by_customer", "talk", ["customer", "began_at"], sqlite_where=identified, postgresql_where=identified
    )
    op.create_table(
        "ring_attempt",
        sa.Column("attempt", _Id, primary_key=True, autoincrement=False),
        sa.Column("interaction", _Id, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("began_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("sticky", sa.Boolean, nullable=False),
    )
    op.create_index("ring_attempt_by_interaction", "ring_attempt", ["interaction"])


def _promises() -> None:
    op.create_table(
        "promise",
        sa.Column("id", _Id, primary_key=True, autoincrement=False),
        sa.Column("interaction", _Id, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("customer", sa.Text),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("made_at", sa.Double, nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("changed_at", sa.Double),
        sa.Column("because", sa.Text, nullable=False),
    )
    still_open = sa.text("state = 'open'")
    op.create_index("promise_open", "promise", ["due_at"], sqlite_where=still_open, postgresql_where=still_open)


def _call_details() -> None:
    op.create_table(
        "call_detail",
        sa.Column("leg", _Id, primary_key=True, autoincrement=False),
        sa.Column("interaction", _Id),
        sa.Column("direction", sa.Text, nullable=False),
        sa.Column("party", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("dialled", sa.Text, nullable=False),
        sa.Column("began_at", sa.Double, nullable=False),
        sa.Column("answered_at", sa.Double),
        sa.Column("ended_at", sa.Double, nullable=False),
        sa.Column("ended_by", sa.Text, nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("cause", sa.BigInteger),
        sa.Column("packets_in", sa.BigInteger, nullable=False),
        sa.Column("packets_out", sa.BigInteger, nullable=False),
    )
    op.create_index("call_detail_by_interaction", "call_detail", ["interaction"])
    op.create_index("call_detail_by_time", "call_detail", ["began_at"])
