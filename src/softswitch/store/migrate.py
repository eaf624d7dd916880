"""Bringing the schema up to date at start, and refusing one that is newer than this code.

The newest step is known from the file names, so that the usual start (nothing to do) costs one SELECT and does not
load Alembic. Steps run in one transaction: a crash leaves the schema as it was.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from softswitch.store.errors import StoreError

_HERE = Path(__file__).parent / "migrations"
_LOCK = 0x50F75317  # PostgreSQL advisory lock: two switches starting at once migrate one after the other


def newest() -> str:
    """The revision that this code is written for."""
    return max(path.name for path in (_HERE / "versions").glob("[0-9]*.py")).split("_")[0]


def migrate(connection: Connection) -> None:
    """Run what is missing, in the caller's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = _found(connection)
    if found == newest():
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    if found is not None:
        try:
            ScriptDirectory.from_config(config).get_revision(found)
        except CommandError:
            raise StoreError(
                f"The database is at migration {found}, which is newer than this version of softswitch knows "
                f"(its newest is {newest()}): start the version that wrote it, or restore a backup of before."
            ) from None
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _found(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return None if row is None else str(row[0])
