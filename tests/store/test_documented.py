"""docs/database.md: its queries run, and it names every table and column."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Connection, text

from softswitch.store import Store
from softswitch.store.tables import metadata


async def test_the_queries_of_the_page_run(store: Store, project: Path) -> None:
    page = (project / "docs" / "database.md").read_text(encoding="utf-8")
    queries = re.findall(r"^```sql\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(queries) >= 2

    def ask(connection: Connection) -> None:
        for query in queries:
            connection.execute(text(query.strip().rstrip(";"))).all()

    await store._database.read(ask)


def test_every_table_and_column_is_explained(project: Path) -> None:
    page = (project / "docs" / "database.md").read_text(encoding="utf-8")
    tables = page[page.index("## Tables") : page.index("## Questions")]
    for table in metadata.tables.values():
        start = tables.index(f"**{table.name}**")
        described = tables[start : tables.find("\n**", start + 1)]
        missing = [column.name for column in table.columns if f"`{column.name}`" not in described]
        assert not missing, f"{table.name}: {missing}"
