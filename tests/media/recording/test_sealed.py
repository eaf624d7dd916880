"""Sealed files, reels and the manifest: whatever is changed in them shows."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.manifest_reading import lines_of, read
from tests.media.recording.desk import opened

from softswitch.media.recording import manifest, reel
from softswitch.media.recording.crypt import CHUNK, Header, KeyRing, SealError, read_key
from softswitch.media.recording.reel import ReelReader, ReelWriter
from softswitch.media.worker.recordings import ledger
from softswitch.media.worker.recordings.finish import SealedFile

RING = KeyRing({"old": bytes(range(32)), "new": bytes(range(1, 33))}, "old")
AUDIO = os.urandom(3 * CHUNK + 1000)
SEALED = CHUNK + 16


def sealed(path: Path, data: bytes = AUDIO, ring: KeyRing = RING, name: str = "7") -> bytes:
    with open(path, "wb") as raw:
        file = SealedFile(raw, Header.new(name, ring, os.urandom))
        for begin in range(0, len(data), 10_000):
            file.write(data[begin : begin + 10_000])
        file.finish()
    return path.read_bytes()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 1000])
def test_a_sealed_file_opens_as_it_was(tmp_path: Path, size: int) -> None:
    data = sealed(tmp_path / "a", AUDIO[:size])
    assert opened(tmp_path / "a", RING) == AUDIO[:size]
    assert AUDIO[:16] not in data


def test_an_encoder_may_go_back_to_the_beginning_and_nowhere_else(tmp_path: Path) -> None:
    with open(tmp_path / "a", "wb") as raw:
        file = SealedFile(raw, Header.new("7", RING, os.urandom))
        file.write(AUDIO)
        file.seek(4)
        file.write(b"length")
        file.seek(CHUNK - 2)
        with pytest.raises(OSError, match="sealed already"):
            file.write(b"over the edge")
        file.failed = None
        file.finish()
    assert opened(tmp_path / "a", RING) == AUDIO[:4] + b"length" + AUDIO[10:]


def _flip(at: int) -> Callable[[bytes, int], bytes]:
    return lambda data, head: data[: head + at] + bytes([data[head + at] ^ 1]) + data[head + at + 1 :]


TAMPERED: dict[str, Callable[[bytes, int], bytes]] = {
    "a bit of the first chunk": _flip(5),
    "a bit of the last chunk": _flip(3 * SEALED + 5),
    "a bit of the header": lambda data, head: data.replace(b'"chunk": 65536', b'"chunk": 65537'),
    "the name of the recording": lambda data, head: data.replace(b'"recording": "7"', b'"recording": "8"'),
    "cut in a chunk": lambda data, head: data[:-7],
    "the last chunk is missing": lambda data, head: data[: head + 3 * SEALED],
    "all chunks are missing": lambda data, head: data[:head],
    "a chunk is missing": lambda data, head: data[:head] + data[head + SEALED :],
    "chunks changed places": lambda data, head: (
        data[:head] + data[head + SEALED : head + 2 * SEALED] + data[head : head + SEALED] + data[head + 2 * SEALED :]
    ),
    "a chunk is there twice": lambda data, head: data[: head + SEALED] + data[head:],
    "something was added": lambda data, head: data + bytes(100),
    "no header": lambda data, head: data[head:],
    "empty": lambda data, head: b"",
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED)
def test_what_was_tampered_with_does_not_open(tmp_path: Path, change: Callable[[bytes, int], bytes]) -> None:
    data = sealed(tmp_path / "a")
    head = len(data) - len(AUDIO) - 16 * 4
    (tmp_path / "a").write_bytes(change(data, head))
    with pytest.raises(SealError):
        opened(tmp_path / "a", RING)


def test_keys_are_exchanged_and_old_files_keep_theirs(tmp_path: Path) -> None:
    sealed(tmp_path / "a")
    sealed(tmp_path / "b", ring=KeyRing(RING.keys, "new"))
    assert opened(tmp_path / "a", KeyRing(RING.keys, "new")) == AUDIO == opened(tmp_path / "b", RING)
    with pytest.raises(SealError, match='key "old" is not among ours'):
        opened(tmp_path / "a", KeyRing({"new": RING.keys["new"]}, "new"))
    with pytest.raises(SealError, match="does not open it"):
        opened(tmp_path / "a", KeyRing({"old": bytes(32)}, "old"))


def test_a_key_is_written_in_hexadecimal_or_base64() -> None:
    assert read_key(" " + bytes(range(32)).hex() + "\n") == bytes(range(32))
    assert read_key("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=") == bytes(range(32))
    for wrong in ("", "abc", "00" * 31, "secret" * 5):
        with pytest.raises(ValueError, match="32 bytes"):
            read_key(wrong)


# ------------------------------------------------------------------ reels


@pytest.mark.parametrize("ring", [KeyRing(), RING], ids=["plain", "sealed"])
def test_a_reel_is_read_up_to_where_it_was_cut_or_damaged(ring: KeyRing) -> None:
    writer = ReelWriter("7", 0, ring, os.urandom)
    records = [writer.record(reel.BATCH, b"batch %d" % n) for n in range(5)]
    data = writer.beginning + b"".join(records)
    reader = ReelReader(io.BytesIO(data).read, ring)
    assert list(reader) == [(reel.BATCH, b"batch %d" % n) for n in range(5)]
    assert (reader.recording, reader.part, reader.torn) == ("7", 0, False)
    for length in range(len(writer.beginning), len(data)):
        reader = ReelReader(io.BytesIO(data[:length]).read, ring)
        whole = [sum(map(len, records[:n])) + len(writer.beginning) <= length for n in range(1, 6)].count(True)
        assert len(list(reader)) == whole
        assert reader.torn == (length != len(writer.beginning) + sum(map(len, records[:whole])))
    if ring.use:
        moved = writer.beginning + records[1] + records[0]
        reader = ReelReader(io.BytesIO(moved).read, ring)
        assert [content for _, content in reader] == [b"batch 1"] and reader.torn
        assert b"batch" not in data


# ------------------------------------------------------------------ the manifest


def _manifest(directory: Path, ring: KeyRing) -> list[str]:
    for number in range(4):
        ledger.append(directory, 1000.0 + number, "recorded", {"recording": str(number), "sha256": "ab"}, ring)
    return lines_of(directory)


@pytest.mark.parametrize("ring", [KeyRing(), RING], ids=["plain", "keyed"])
def test_a_whole_manifest_has_no_faults(tmp_path: Path, ring: KeyRing) -> None:
    found, faults = read(_manifest(tmp_path, ring), ring)
    assert [line["recording"] for line in found] == ["0", "1", "2", "3"] and faults == []


@pytest.mark.parametrize("ring", [KeyRing(), RING], ids=["plain", "keyed"])
def test_lines_that_were_changed_left_out_or_moved_show(tmp_path: Path, ring: KeyRing) -> None:
    lines = _manifest(tmp_path, ring)
    changed = [lines[0], lines[1].replace('"ab"', '"cd"'), *lines[2:]]
    for wrong in (changed, [lines[0], *lines[2:]], lines[1:], [lines[1], lines[0], *lines[2:]], [*lines, "{"]):
        assert read(wrong, ring)[1]


def test_with_a_key_nobody_else_can_write_a_line(tmp_path: Path) -> None:
    lines = _manifest(tmp_path, RING)
    forged = json.loads(lines[-1])
    forged["sha256"] = "cd"
    assert read([*lines[:-1], json.dumps(forged)], RING)[1]
    forged["key"] = ""
    line = manifest.next_line(lines[2], 1003.0, "recorded", {"recording": "3", "sha256": "cd"}, KeyRing())
    kept, faults = read([*lines[:3], line], RING)
    assert [fault.what for fault in faults] == ["is not sealed by a key, as the lines before it are"]
    assert len(kept) == 4


def test_a_line_that_was_cut_stays_and_shows(tmp_path: Path) -> None:
    _manifest(tmp_path, RING)
    path = tmp_path / ledger.NAME
    path.write_bytes(path.read_bytes()[:-20])
    ledger.append(tmp_path, 2000.0, "recorded", {"recording": "9"}, RING)
    found, faults = read(lines_of(tmp_path), RING)
    assert [line["recording"] for line in found] == ["0", "1", "2", "9"] and faults
