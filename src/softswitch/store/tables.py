"""The tables of the switch, as SQLAlchemy Core sees them. `docs/database.md` explains each column to analysts.

Rules of the house: times are wall-clock seconds since 1970 (double), ids are 64-bit numbers handed out by the switch,
agents, queues and trunks are the ids of the configuration. Every row has a natural key, so that writing a group a
second time after an unclear commit changes nothing. Nothing here can hold a secret: what a `secret` step of a menu
collected never leaves the call.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    false,
    text,
)

metadata = MetaData()

# SQLite stores a table in the order of an INTEGER key, and only of one that is spelled so.
_Id = BigInteger().with_variant(Integer, "sqlite")

agent_event = Table(
    "agent_event",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),  # the order of the journal
    Column("agent", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("deadline", Double),
    Column("logged_out", Boolean, nullable=False),
    Index("agent_event_by_agent", "agent", "id"),
)

interaction = Table(
    "interaction",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    # The first half is null when the opening was lost while the database was away, the second while the call lasts.
    Column("caller", Text),
    Column("dialled", Text),
    Column("trunk", Text),
    Column("language", Text),
    Column("began_at", Double),
    Column("outcome", Text),
    Column("agent", Text),
    Column("ended_at", Double),
    Column("waited_seconds", Double),
    Column("sticky", Text),
    Column("identity", Text),
    Index("interaction_by_caller", "caller", "began_at"),
    Index("interaction_by_time", "began_at"),
    Index(
        "interaction_open",
        "id",
        sqlite_where=text("outcome IS NULL"),
        postgresql_where=text("outcome IS NULL"),
    ),
)

queue_entry = Table(
    "queue_entry",
    metadata,
    Column("interaction", _Id, primary_key=True, autoincrement=False),
    Column("at", Double, primary_key=True, autoincrement=False),
    Column("queue", Text, primary_key=True),
    Column("customer", Text),
    Column("because", Text, nullable=False),
    Column("entered", JSON, nullable=False),
    Column("path", JSON, nullable=False),
    Column("previous_agent", Text),
    Index("queue_entry_by_time", "at"),
)

talk = Table(
    "talk",
    metadata,
    Column("attempt", _Id, primary_key=True, autoincrement=False),
    Column("interaction", _Id, nullable=False),
    Column("queue", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("customer", Text),
    Column("began_at", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Index("talk_by_caller", "caller", "began_at"),
    Index(
        "talk_by_customer",
        "customer",
        "began_at",
        sqlite_where=text("customer IS NOT NULL"),
        postgresql_where=text("customer IS NOT NULL"),
    ),
)

ring_attempt = Table(
    "ring_attempt",
    metadata,
    Column("attempt", _Id, primary_key=True, autoincrement=False),
    Column("interaction", _Id, nullable=False),
    Column("queue", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("began_at", Double, nullable=False),
    Column("ended_at", Double, nullable=False),
    Column("result", Text, nullable=False),
    Column("sticky", Boolean, nullable=False),
    Index("ring_attempt_by_interaction", "interaction"),
)

promise = Table(
    "promise",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("interaction", _Id, nullable=False),
    Column("queue", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("customer", Text),
    Column("language", Text, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("changed_at", Double),
    Column("because", Text, nullable=False),
    Column("answered_by", Text, nullable=False, server_default=""),
    Index("promise_by_interaction", "interaction"),
    Index(
        "promise_open",
        "due_at",
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)

call_detail = Table(
    "call_detail",
    metadata,
    Column("leg", _Id, primary_key=True, autoincrement=False),
    Column("interaction", _Id),
    Column("direction", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("dialled", Text, nullable=False),
    Column("began_at", Double, nullable=False),
    Column("answered_at", Double),
    Column("ended_at", Double, nullable=False),
    Column("ended_by", Text, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("cause", BigInteger),
    Column("packets_in", BigInteger, nullable=False),
    Column("packets_out", BigInteger, nullable=False),
    Column("loss_percent", Double, nullable=False, server_default="0"),
    Column("jitter_ms", Double, nullable=False, server_default="0"),
    Column("mos", Double, nullable=False, server_default="0"),
    Column("restarted", Boolean, nullable=False, server_default=false()),
    Column("codec", Text, nullable=False, server_default=""),
    Column("silent_seconds", Double, nullable=False, server_default="0"),
    Column("round_trip_ms", Double, nullable=False, server_default="0"),
    Column("peer_loss_percent", Double, nullable=False, server_default="0"),
    Column("answered_by", Text, nullable=False, server_default=""),
    Index("call_detail_by_interaction", "interaction"),
    Index("call_detail_by_time", "began_at"),
)

dialled = Table(
    "dialled",
    metadata,
    Column("leg", _Id, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("per_minute", Double, nullable=False),
    Column("began_at", Double, nullable=False),
    Column("answered_at", Double),
    Column("ended_at", Double),
    Index("dialled_by_time", "began_at"),
)

case_owner = Table(
    "case_owner",
    metadata,
    Column("kind", Text, primary_key=True),  # "customer" | "caller"
    Column("who", Text, primary_key=True),
    Column("agent", Text, nullable=False),  # "": nobody any more
    Column("at", Double, nullable=False),
)

live_call = Table(
    "live_call",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

recording = Table(
    "recording",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("interaction", _Id, nullable=False),
    Column("caller", Text, nullable=False),
    Column("dialled", Text, nullable=False),
    Column("agents", JSON, nullable=False),
    Column("queue", Text, nullable=False),
    Column("began_at", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("lost_packets", BigInteger, nullable=False),
    Column("gap_seconds", Double, nullable=False),
    Column("marks", JSON, nullable=False),
    Column("path", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("deleted_at", Double),
    Column("deleted_because", Text, nullable=False, server_default=""),
    Index("recording_by_interaction", "interaction"),
    Index("recording_by_time", "began_at"),
)

recording_access = Table(
    "recording_access",
    metadata,
    Column("recording", _Id, primary_key=True, autoincrement=False),
    Column("at", Double, primary_key=True, autoincrement=False),
    Column("who", Text, primary_key=True),
    Column("how", Text, nullable=False),  # "heard" | "exported"
)

contact = Table(
    "contact",
    metadata,
    Column("agent", Text, primary_key=True),
    Column("place", SmallInteger, primary_key=True, autoincrement=False),  # order of the agent's list
    Column("uri", Text, nullable=False),
    Column("transport", Text, nullable=False),
    Column("local_host", Text, nullable=False),
    Column("local_port", Integer, nullable=False),
    Column("remote_host", Text, nullable=False),
    Column("remote_port", Integer, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("cseq", BigInteger, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("q", Double, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("path", Text, nullable=False, server_default=""),  # URIs, one a line
    Column("instance", Text, nullable=False, server_default=""),
    Column("reg_id", Integer, nullable=False, server_default="0"),
)
