"""The files of the journal: packed on the loop, written by a thread, never in the way."""

from __future__ import annotations

import asyncio
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from softswitch.acd import messages as m
from softswitch.acd.engine import Engine
from softswitch.acd.journal import NotedIds, RecordedEngine, Replay, Segment
from softswitch.call.errors import StartError
from softswitch.call.settings import JournalSettings
from softswitch.ids import AgentId, IdSource, InteractionId, QueueId
from softswitch.runtime import journal
from softswitch.runtime.journal import JournalWriter, directory_of, files_of

ANNA, Q = AgentId("anna"), QueueId("q")
SETTINGS = m.AcdSettings((m.QueueSettings(Q, "Q"),), (m.AgentSettings(ANNA, "Anna", (Q,)),))


class Line:
    def __init__(self, directory: Path, **settings: Any) -> None:
        self.writer = JournalWriter(JournalSettings(**settings), directory, lambda now: now + 1_700_000_000.0)
        self.engine = Engine(SETTINGS, NotedIds(IdSource(100), self.writer.lines))
        self.driven = RecordedEngine(self.engine, self.writer.lines)
        self.writer.begin(self.engine)
        self.now = 0.0

    def call(self) -> None:
        """A caller who is answered, and the end of the wrap-up."""
        self.now += 60.0
        self.driven.handle(m.PhoneRegistered(ANNA), self.now)
        number = InteractionId(int(self.now))
        rung = self.driven.handle(m.CallerEntered(number, Q, "+372", None, "en", None), self.now)
        (attempt,) = [command.attempt for command in rung if isinstance(command, m.RingAgent)]
        self.driven.handle(m.AgentAnswered(attempt), self.now + 1.0)
        self.driven.handle(m.ConversationEnded(attempt), self.now + 2.0)
        self.driven.tick(self.now + 40.0)

    async def written(self) -> None:
        self.writer.flush()
        writing = self.writer._writing
        if writing is not None:
            await asyncio.wait({writing})


def segments(directory: Path) -> list[Segment]:
    return [Segment(path.read_bytes()) for path in files_of(directory)]


async def test_what_happened_is_on_disk_and_replays(tmp_path: Path) -> None:
    line = Line(tmp_path / "journal")
    for _ in range(5):
        line.call()
        await line.written()
    (path,) = files_of(tmp_path / "journal")
    assert path.stat().st_mode & 0o777 == 0o600, "numbers of callers are in it"
    (killed,) = segments(tmp_path / "journal")  # as a kill -9 would leave it
    assert Replay(killed).run().digest() == line.engine.digest()
    line.call()
    await line.writer.close()
    (closed,) = segments(tmp_path / "journal")
    assert closed.digest == line.engine.digest() == Replay(closed).run().digest()


async def test_files_follow_one_another_and_the_oldest_go(tmp_path: Path) -> None:
    line = Line(tmp_path, segment_bytes=6_000, at_most_bytes=16_000)
    seen: dict[str, None] = {}
    for _ in range(200):
        line.call()
        await line.written()
        seen.update(dict.fromkeys(path.name for path in files_of(tmp_path)))
    await line.writer.close()
    left = files_of(tmp_path)
    assert len(seen) > 5 and len(left) < 5
    assert sum(path.stat().st_size for path in left) < 25_000
    found = segments(tmp_path)
    assert [one.number for one in found] == sorted(one.number for one in found)
    for one, after in pairwise(found):
        assert one.digest == Replay(one).run().digest() == Replay(after).engine.digest(), "no gap between files"
    assert found[-1].digest == line.engine.digest()


async def test_old_files_go(tmp_path: Path) -> None:
    old = tmp_path / "acd-20200101T000000Z-1-0001.journal"
    old.write_bytes(b"old")
    os.utime(old, (1_577_836_800.0, 1_577_836_800.0))
    line = Line(tmp_path)
    await line.writer.close()
    assert not old.exists() and len(files_of(tmp_path)) == 1


async def test_a_full_disk_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(tmp_path)
    line.call()
    await line.written()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(journal.os, "write", full)
        line.call()
        await line.written()
        await asyncio.sleep(0)
        assert line.writer.away == "No space left on device"
        line.call()
        await line.written()
        assert not line.writer.lines, "nothing piles up"
    monkeypatch.setattr(journal, "RETRY_SECONDS", 0.0)
    await line.written()
    assert line.writer.away == ""
    line.call()
    await line.written()
    await line.writer.close()
    last = segments(tmp_path)[-1]
    assert last.digest == line.engine.digest() == Replay(last).run().digest(), "begins anew, after the gap"


async def test_a_directory_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="journal cannot be written"):
        Line(tmp_path / "file" / "journal")


def test_where_it_is() -> None:
    own, beside = JournalSettings("/srv/journal"), JournalSettings()
    assert directory_of(own, "sqlite:///var/line.db") == Path("/srv/journal")
    assert directory_of(beside, "sqlite:////srv/bank/line.db") == Path("/srv/bank/journal")
    assert directory_of(beside, "sqlite+aiosqlite:///var/line.db") == Path("var/journal")
    assert directory_of(beside, "postgresql+asyncpg://db/line") == Path("var/journal")
