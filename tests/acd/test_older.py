"""Journals of older versions are read: one that the first version with a journal wrote lies beside this file.

`recorded/first.journal` begins in the middle of a day with 25 interactions inside, and holds the rest of it."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import msgpack
import pytest

from softswitch.acd import graph, journal
from softswitch.acd.engine import Engine
from softswitch.acd.graph import SnapshotError
from softswitch.acd.journal import JournalError, Replay, Segment
from softswitch.acd.messages import AcdSettings, AgentSettings, PhoneRegistered, QueueSettings
from softswitch.acd.whatif.recorded import read
from softswitch.config import strategies
from softswitch.ids import AgentId, IdSource, QueueId

FIRST = Path(__file__).parent / "recorded" / "first.journal"


def first() -> Segment:
    return Segment(FIRST.read_bytes())


def test_the_first_journal_leads_to_the_same_end() -> None:
    segment = first()
    replay = Replay(segment)
    assert len(replay.engine.floor.entries) == 25 and len(replay.engine.floor.promises) == 1
    replay.run()
    assert not replay.broken and not replay.diverged
    assert [(one.id, one.state.value, one.calls) for one in replay.engine.agents()] == [
        ("agent0", "suspended", 5),
        ("agent1", "wrap-up", 4),
        ("agent2", "ready", 7),
        ("agent3", "offline", 3),
        ("agent4", "ready", 5),
    ]  # as the engine that wrote it showed them
    assert not replay.engine.floor.entries


def test_what_an_older_snapshot_lacks_gets_its_value_of_before() -> None:
    floor = first().engine(journal.ReplayedIds()).floor
    queue = floor.queues[QueueId("queue0")]
    assert queue.settings.ring_at_once == queue.at_once == 1 and queue.is_open
    assert all(agent.duty.tally.in_a_row == 0 for agent in floor.agents.values())
    assert not floor.eligibility.relaxing and not floor.eligibility.weighted


def test_a_snapshot_of_an_older_one_is_one_of_ours() -> None:
    """Read, written and read again: nothing of the old form is left."""
    engine = first().engine(journal.ReplayedIds())
    again = Segment(journal.header(engine, 0.0, "next", 2)).engine(journal.ReplayedIds())
    assert again.digest() == engine.digest()


def test_a_day_of_an_older_version_can_be_asked_what_if() -> None:
    day = read([first()])
    assert day.visits and day.left_out >= 25
    assert day.differs, "its digest was made otherwise, so the report says that another version wrote it"


def head(change: Any) -> Segment:
    data = FIRST.read_bytes()
    length = int.from_bytes(data[:4], "little")
    document = msgpack.unpackb(data[8 : 8 + length], strict_map_key=False)
    change(document)
    return Segment(journal.frame(document))


def test_what_no_version_knows_is_refused_in_a_sentence() -> None:
    def unknown(document: Any) -> None:
        next(row for row in document["state"]["classes"] if row[0].endswith(":Entry"))[1][0] = "mood"

    def lacking(document: Any) -> None:
        number, row = next((n, r) for n, r in enumerate(document["state"]["classes"]) if r[0].endswith(":Agent"))
        at = row[1].index("line")
        del row[1][at]
        for thing in document["state"]["objects"]:
            if thing[0] == number:
                del thing[at + 1]

    with pytest.raises(JournalError, match=r"has Entry\.mood"):
        head(unknown).settings()
    with pytest.raises(JournalError, match=r"lacks Agent\.line"):
        head(lacking).settings()


# ------------------------------------------------------------------ orders of other packages


def shop_own(standing: Any, fit: Any) -> Any:
    return (-standing.calls, standing.number)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that offers an order."""
    entry = EntryPoint("shop-own", f"{__name__}:shop_own", strategies.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: shop_own)
    monkeypatch.setattr(strategies, "installed", lambda: {"shop-own": entry})
    monkeypatch.setattr(graph, "_OTHERS", {})
    strategies.load.cache_clear()


def recorded() -> bytes:
    settings = AcdSettings(
        (QueueSettings(QueueId("q"), "Q", order="shop-own"),), (AgentSettings(AgentId("a"), "A", (QueueId("q"),)),)
    )
    lines: list[Any] = []
    engine = Engine(settings, journal.NotedIds(IdSource(), lines), strategies=strategies.strategies(["shop-own"]))
    head = journal.header(engine, 0.0, "run", 1)
    driven = journal.RecordedEngine(engine, lines)
    driven.handle(PhoneRegistered(AgentId("a")), 1.0)
    return head + journal.group(lines, 0.0) + journal.mark(engine)


@pytest.mark.usefixtures("shop")
def test_an_order_of_another_package_is_replayed() -> None:
    segment = Segment(recorded())
    replay = Replay(segment)
    assert replay.run().digest() == segment.digest
    assert replay.engine.floor.queues[QueueId("q")].strategy.order is shop_own


@pytest.mark.usefixtures("shop")
def test_without_the_package_one_reads_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    data = recorded()
    monkeypatch.setattr(graph, "_OTHERS", {})
    with pytest.raises(JournalError, match=r"order shop_own of .*test_older, which is not installed here: install"):
        Segment(data).settings()


@pytest.mark.parametrize("name", ["shutil:rmtree", "os:makedirs", "posixpath:join"])
def test_a_snapshot_calls_no_function_that_was_not_loaded_as_an_order(name: str) -> None:
    with pytest.raises(SnapshotError, match="install the package"):
        graph.from_plain({"classes": [], "objects": [], "root": [5, name]})
