"""Who dies while a recording becomes a file: nothing is twice, lost, or left where nobody knows of it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from tests.manifest_reading import lines_of, read
from tests.media.recording.desk import (
    KEY,
    call,
    ended,
    find,
    frames,
    heard,
    recording_worker,
    setup,
    sound,
    start,
    stop,
)
from tests.media.recording.test_trouble import reel_grown, talk, until

from softswitch.media.recording import reel
from softswitch.media.recording.crypt import KeyMissing, KeyRing
from softswitch.media.recording.reel import ReelWriter
from softswitch.media.worker.recordings import ledger
from softswitch.media.worker.recordings.finish import MOST_MARK_BYTES, finish

RING = KeyRing({"k1": bytes.fromhex(KEY)}, "k1")


@pytest.mark.parametrize("noted", [True, False], ids=["before its reel was deleted", "before it was in the manifest"])
def test_a_writer_that_died_over_a_finished_file(tmp_path: Path, noted: bool) -> None:
    store, his = tmp_path / "recordings", frames(5, 40)
    with recording_worker(tmp_path / "w", setup(store, "k1")) as worker:
        caller, _ = call(worker)
        number = start(caller)
        talk(caller, his)
        until(reel_grown(store, 6000))
        (left,) = (store / "live").glob("*.reel")
        content = left.read_bytes()
        line = stop(caller, number)
    if not noted:
        (store / ledger.NAME).unlink()
    (store / line["path"]).with_name(f"{number}.flac.sealed.99.partial").write_bytes(b"half of it")
    left.write_bytes(content)
    os.utime(left, (time.time() - 60, time.time() - 60))
    with recording_worker(tmp_path / "w2", setup(store, "k1")) as worker:
        again = ended(worker, number)
        until(lambda: not list((store / "live").glob("*.reel")))
    assert again["path"] == line["path"]
    assert find(sound(store, again, RING)[0], heard(his)) >= 0
    assert [each.name for each in (store / line["path"]).parent.iterdir()] == [Path(line["path"]).name]
    assert [each["what"] for each in read(lines_of(store), RING)[0]] == ["recorded"]


def _reel(directory: Path, part: int, ring: KeyRing, marks: int = 0) -> Path:
    writer = ReelWriter("7", part, ring, os.urandom)
    head = {"at": 10.0, "wall": 1.8e9, "interaction": "42", "caller": "1", "dialled": "2", "format": "wav"}
    path = directory / f"7.{part}.reel"
    found = writer.beginning + writer.record(reel.OPEN, json.dumps(head).encode())
    for number in range(marks):
        mark = {"at": 10.0 + number, "mark": "paused", "detail": "ä" * 200, "by": "ö" * 200}
        found += writer.record(reel.MARK, json.dumps(mark).encode())
    path.write_bytes(found)
    return path


def _job(directory: Path, *reels: Path) -> dict[str, object]:
    job = {"directory": str(directory), "recording": "7", "format": "wav", "keys": {"k1": KEY}, "use": "k1"}
    return {**job, "reels": [str(each) for each in reels]}


def test_a_part_whose_key_is_missing_is_waited_for(tmp_path: Path) -> None:
    """A recording made of the other parts would take its place."""
    parts = _reel(tmp_path, 0, KeyRing({"k0": bytes(32)}, "k0")), _reel(tmp_path, 1, RING)
    with pytest.raises(KeyMissing, match='"k0" is not among ours'):
        finish(_job(tmp_path, *parts))


def test_thousands_of_marks_are_no_endless_line(tmp_path: Path) -> None:
    facts = finish(_job(tmp_path, _reel(tmp_path, 0, RING, 2000)))["facts"]
    assert len(json.dumps(facts)) < MOST_MARK_BYTES + 10_000
    last = facts["marks"][-1]
    assert last["mark"] == "left out" and last["detail"] == f"{2001 - len(facts['marks'])} more"
