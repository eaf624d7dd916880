"""Lines of the manifest that were cut off at its end, with whatever a thief can do to the head who has no key."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.manifest_reading import lines_of, manifest_of

from softswitch.media.messages import SetUpRecording
from softswitch.media.recording.crypt import KeyRing
from softswitch.media.worker.recordings import ledger
from softswitch.runtime.recording_shelf import Shelf

KEY = "0b" * 32
RING = KeyRing({"k": bytes.fromhex(KEY)}, "k")


def shelf_of(directory: Path, use: str = "k") -> Shelf:
    return Shelf(SetUpRecording(str(directory), (f"k:{KEY}",) if use else (), use, 0, "flac"))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for number in range(5):
        ledger.append(tmp_path, 1000.0 + number, "heard", {"recording": str(number), "by": "kadri"}, RING)
    return tmp_path


def cut(store: Path, left: int) -> None:
    path = store / ledger.NAME
    path.write_text("".join(f"{line}\n" for line in lines_of(store)[:left]))


def test_a_whole_manifest_and_its_head(store: Path) -> None:
    lines, faults = manifest_of(shelf_of(store))
    assert len(lines) == 5 and not faults


def test_no_manifest_at_all_is_none(tmp_path: Path) -> None:
    assert manifest_of(shelf_of(tmp_path)) == ([], [])


def _forged(store: Path) -> None:
    last = json.loads(lines_of(store)[-1])
    head = {"n": last["n"], "last": last["seal"], "key": "k", "seal": "0" * 64}
    (store / ledger.HEAD).write_text(json.dumps(head))


HEADS: dict[str, Callable[[Path], object]] = {
    "left as it is": lambda store: None,
    "deleted": lambda store: (store / ledger.HEAD).unlink(),
    "emptied": lambda store: (store / ledger.HEAD).write_text(""),
    "nonsense": lambda store: (store / ledger.HEAD).write_text("[" * 100_000),
    "forged": _forged,
}


@pytest.mark.parametrize("left", [0, 1, 4])
@pytest.mark.parametrize("what", HEADS)
def test_an_end_that_was_cut_off_shows_at_once_and_for_ever(store: Path, left: int, what: str) -> None:
    cut(store, left)
    if left or what != "forged":
        HEADS[what](store)
    shelf = shelf_of(store)
    # all of it gone is what nobody here can know: files without a line show then
    if left or what not in ("deleted", "emptied"):
        assert manifest_of(shelf)[1], "before another line is written"
        ledger.append(store, 2000.0, "heard", {"recording": "9", "by": "thief"}, RING)
        ledger.append(store, 2001.0, "heard", {"recording": "9", "by": "thief"}, RING)
        assert manifest_of(shelf)[1], "and behind it"


def test_a_head_that_is_behind_is_right(store: Path) -> None:
    """Who wrote the last line died then."""
    head = (store / ledger.HEAD).read_text()
    for _ in range(2):
        ledger.append(store, 1005.0, "heard", {"recording": "5", "by": "kadri"}, RING)
        (store / ledger.HEAD).write_text(head)
    assert not manifest_of(shelf_of(store))[1]
    ledger.append(store, 1006.0, "heard", {"recording": "5", "by": "kadri"}, RING)
    assert not manifest_of(shelf_of(store))[1]


def test_a_manifest_written_anew_without_the_key_shows(store: Path) -> None:
    (store / ledger.NAME).unlink()
    (store / ledger.HEAD).unlink()
    ledger.append(store, 1.0, "heard", {"recording": "1", "by": "nobody"}, KeyRing())
    assert not manifest_of(shelf_of(store, ""))[1]
    (fault,) = manifest_of(shelf_of(store))[1]
    assert "not sealed by a key" in fault.what


def test_keys_come_to_a_line_that_had_none(tmp_path: Path) -> None:
    for ring in (KeyRing(), KeyRing(), RING, RING):
        ledger.append(tmp_path, 1.0, "heard", {"recording": "1", "by": "kadri"}, ring)
    assert not manifest_of(shelf_of(tmp_path))[1]
