"""`softswitch recordings`: over files that the real writer's parts have made."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from subprocess import run

import msgpack
import numpy
import pytest
import soundfile
from tests.manifest_reading import lines_of
from typer.testing import CliRunner

from softswitch.cli.recordings_commands import app
from softswitch.media import rtp
from softswitch.media.messages import SetUpRecording
from softswitch.media.recording import reel
from softswitch.media.recording.crypt import KeyRing
from softswitch.media.recording.reel import ReelWriter
from softswitch.media.worker.recordings import ledger
from softswitch.media.worker.recordings.finish import finish
from softswitch.runtime.recording_shelf import Shelf

KEY = "5a" * 32
RING = KeyRing({"k": bytes.fromhex(KEY)}, "k")
CONFIG = """
line: {{ name: Bank, languages: [en], timezone: UTC, country: EE }}
listen: [udp://127.0.0.1:5060]
numbers: {{ "1210": {{ queue: everyday }} }}
agents: {{ anna: {{ name: Anna, extension: 1001, queues: [everyday], password: {{ env: NOT_SET }} }} }}
queues: {{ everyday: {{ record: always }} }}
recording: {{ directory: "{directory}", keys: {{ k: {{ file: k.key }} }} }}
"""


def made(directory: Path, number: int, wall: float = 0.0, goes_on_from: str = "") -> None:
    """As the writer makes it: a reel, the file, the line."""
    writer = ReelWriter(str(number), 0, RING, os.urandom)
    wall = wall or 1.8e9 + number
    head = {"at": 10.0, "wall": wall, "part": 0, "interaction": "42", "caller": "+3725550001"}
    mark = {"at": 10.1, "mark": "agent", "detail": "anna", "by": ""}
    before = {"at": 10.0, "mark": "goes on from", "detail": goes_on_from, "by": ""}
    packets = [rtp.build(0, n, 160 * n, 7, bytes([n]) * 160) for n in range(50)]
    batch = ({0: "PCMU"}, [10.0 + 0.02 * n for n in range(50)], packets, [], [])
    records = [
        writer.record(reel.OPEN, json.dumps({**head, "dialled": "1210", "format": ""}).encode()),
        writer.record(reel.MARK, json.dumps(mark).encode()),
        *([writer.record(reel.MARK, json.dumps(before).encode())] if goes_on_from else []),
        writer.record(reel.BATCH, msgpack.packb(batch)),
        writer.record(reel.CLOSE, json.dumps({"at": 11.0, "because": "the call ended", "by": ""}).encode()),
    ]
    path = directory / f"{number}.0.reel"
    path.write_bytes(writer.beginning + b"".join(records))
    job = {"directory": str(directory), "recording": str(number), "format": "flac", "reels": [str(path)]}
    answer = finish({**job, "keys": {"k": KEY}, "use": "k"})
    os.replace(answer["partial"], directory / answer["facts"]["path"])
    path.unlink()
    ledger.append(directory, 1.8e9, "recorded", answer["facts"], RING)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    (tmp_path / "rec").mkdir()
    for number in (7, 8):
        made(tmp_path / "rec", number)
    (tmp_path / "line.yaml").write_text(CONFIG.format(directory=tmp_path / "rec"), encoding="utf-8")
    (tmp_path / "k.key").write_text(KEY, encoding="utf-8")
    return tmp_path


def cli(*words: str | Path) -> tuple[int, bytes, str]:
    done = run([sys.executable, "-m", "softswitch", "recordings", *map(str, words)], capture_output=True)
    return done.returncode, done.stdout, done.stderr.decode()


def here(*words: str | Path) -> tuple[int, bytes, str]:
    """The same in this process."""
    done = CliRunner().invoke(app, [*map(str, words)])
    return done.exit_code, done.stdout_bytes, done.stderr


def test_list_play_and_export(shelf: Path) -> None:
    status, said, _ = cli("list", shelf, "--json", "--agent", "anna")
    rows = json.loads(said)
    assert status == 0 and [row["recording"] for row in rows] == ["8", "7"]
    assert rows[0]["seconds"] == 1.0 and rows[0]["agents"] == ["anna"] and not rows[0]["deleted"]
    status, said, _ = cli("list", shelf)
    assert status == 0 and b"+3725550001" in said and b"anna" in said
    status, wave, wrong = cli("play", shelf, "7", "--by", "kadri")
    assert status == 0, wrong
    samples, rate = soundfile.read(io.BytesIO(wave), dtype="int16")
    assert rate == 8000 and samples.shape == (8000, 2) and numpy.any(samples[:, 0]) and not numpy.any(samples[:, 1])
    status, _, wrong = cli("export", shelf, "7", "8", "--by", "police", "--to", shelf / "out", "--format", "wav")
    assert status == 0, wrong
    for line in (shelf / "out" / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((shelf / "out" / name).read_bytes()).hexdigest() == digest
    assert (shelf / "out" / "7.wav").read_bytes()[:4] == b"RIFF"
    assert all(each.stat().st_mode & 0o077 == 0 for each in (shelf / "out", *(shelf / "out").iterdir()))
    noted = [json.loads(line) for line in lines_of(shelf / "rec")][2:]
    assert [(each["what"], each["recording"], each["by"]) for each in noted] == [
        ("heard", "7", "kadri"),
        ("exported", "7", "police"),
        ("exported", "8", "police"),
    ]
    status, _, wrong = cli("play", shelf, "9", "--by", "kadri")
    assert (status, wrong) == (2, "softswitch: There is no recording 9, or it was deleted; `list` shows them.\n")


def test_files_of_one_recording_are_one_whichever_number_is_asked_for(shelf: Path) -> None:
    made(shelf / "rec", 10, 1.8e9 + 10.5, "7")  # 3.5 seconds after the first, which is one second long
    for number in ("7", "10"):
        status, wave, wrong = here("play", shelf, number, "--by", "kadri")
        assert status == 0, wrong
        samples, rate = soundfile.read(io.BytesIO(wave), dtype="int16")
        loud = [bool(numpy.any(samples[at * rate // 2 : (at + 1) * rate // 2])) for at in range(9)]
        assert len(samples) == 4.5 * rate and loud == [True, True, *[False] * 5, True, True]
    status, said, wrong = here("export", shelf, "10", "7", "--by", "police", "--to", shelf / "out")
    assert (status, said) == (0, f"1 in {shelf / 'out'}, with SHA256SUMS.\n".encode()), wrong
    about = json.loads((shelf / "out" / "7.json").read_text())
    assert [(each["recording"], each["begins"], each["silence_before"]) for each in about["files"]] == [
        ("7", 0.0, 0.0),
        ("10", 3.5, 2.5),
    ]
    samples, rate = soundfile.read(shelf / "out" / "7.flac")
    assert len(samples) == 4.5 * rate and sorted(os.listdir(shelf / "out")) == ["7.flac", "7.json", "SHA256SUMS"]
    status, said, _ = here("list", shelf)
    assert b"10, goes on from 7" in said
    status, said, _ = here("verify", shelf, "7")
    assert status == 0 and said.startswith(b"1 recordings and 9 lines")
    (last,) = (shelf / "rec").rglob("10.flac.sealed")
    last.unlink()
    status, said, _ = here("verify", shelf, "7")
    assert status == 1 and b"10.flac.sealed: is missing" in said
    assert here("verify", shelf, "8")[0] == 0


def test_what_goes_into_one_folder_one_after_the_other_stands_in_its_sums(shelf: Path) -> None:
    out = shelf / "out"
    for number, form in (("7", "wav"), ("8", "flac"), ("7", "wav"), ("7", "flac")):
        assert here("export", shelf, number, "--by", "police", "--to", out, "--format", form)[0] == 0
    sums = dict(reversed(line.split("  ")) for line in (out / "SHA256SUMS").read_text().splitlines())
    assert [*sums] == ["8.flac", "8.json", "7.wav", "7.flac", "7.json"]
    assert sorted(os.listdir(out)) == sorted([*sums, "SHA256SUMS"])
    assert all(hashlib.sha256((out / name).read_bytes()).hexdigest() == digest for name, digest in sums.items())


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")  # it would be seen as a traceback
def test_what_left_before_the_rest_failed_stands_in_the_sums(shelf: Path) -> None:
    (file,) = (shelf / "rec").rglob("8.flac.sealed")
    file.write_bytes(file.read_bytes()[:-1])
    status, _, wrong = here("export", shelf, "7", "8", "--by", "police", "--to", shelf / "out")
    assert status != 0 and wrong.startswith("softswitch: Recording 8: ") and wrong.count("\n") == 1
    said = (shelf / "out" / "SHA256SUMS").read_text().splitlines()
    assert [line.split("  ")[1] for line in said] == ["7.flac", "7.json"]


def test_a_file_that_was_deleted_is_silence_also_when_its_line_is_the_very_first(tmp_path: Path) -> None:
    directory = tmp_path / "rec"
    directory.mkdir()
    made(directory, 7)
    shelf = Shelf(SetUpRecording(str(directory), (f"k:{KEY}",), "k", 0, "flac"))
    ((first,),) = shelf.catalogue.files(["7"]).values()
    shelf.delete(1.9e9, "7", first.path, "kept for 90 days")
    made(directory, 10, 1.8e9 + 10.5, "7")
    (files,) = shelf.catalogue.files(["10"]).values()
    assert [(each.recording, each.deleted) for each in files] == [("7", "kept for 90 days"), ("10", "")]


def test_a_copy_to_a_device_does_not_replace_it(shelf: Path) -> None:
    os.mkfifo(shelf / "pipe")
    with subprocess.Popen(["cat", shelf / "pipe"], stdout=subprocess.PIPE) as reader:
        assert here("play", shelf, "7", "--by", "kadri", "--out", shelf / "pipe")[0] == 0
        assert reader.communicate(timeout=20)[0][:4] == b"RIFF" and (shelf / "pipe").is_fifo()


def test_nothing_leaves_that_cannot_be_noted(shelf: Path) -> None:
    manifest = shelf / "rec" / ledger.NAME
    before = manifest.read_bytes()
    words = "play", shelf, "7", "--by", "kadri", "--out", shelf / "7.wav"
    other = "export", shelf, "7", "--by", "police", "--to", shelf / "out"
    for each in (words, other):
        done = run(
            ["prlimit", f"--fsize={len(before)}", sys.executable, "-m", "softswitch", "recordings", *map(str, each)],
            capture_output=True,
        )
        assert done.returncode != 0 and b"nobody listens" in done.stderr, done.stderr
    assert manifest.read_bytes() == before
    assert not (shelf / "7.wav").exists() and not list((shelf / "out").iterdir())


def test_verify_finds_what_was_changed_removed_or_added(shelf: Path) -> None:
    status, said, wrong = cli("verify", shelf)
    assert (status, said) == (0, b"2 recordings and 2 lines of the manifest are as they were written.\n"), wrong
    seven, eight = sorted((shelf / "rec").rglob("*.sealed"))
    (seven.parent / "stranger.wav").write_bytes(b"RIFF")
    data = bytearray(seven.read_bytes())
    data[-1] ^= 1
    seven.write_bytes(data)
    eight.unlink()
    manifest = shelf / "rec" / ledger.NAME
    manifest.write_text(manifest.read_text().replace("+3725550001", "+3725550002", 1))
    status, said, _ = cli("verify", shelf)
    text = said.decode()
    assert status == 1
    for found in ("line 1: was changed", "was changed: it is not the file", "is missing", "no line of the manifest"):
        assert found in text, text


def test_a_line_that_does_not_record(shelf: Path) -> None:
    text = (shelf / "line.yaml").read_text()
    (shelf / "line.yaml").write_text(text.partition("recording:")[0].replace("record: always", "record: never"))
    status, _, wrong = cli("list", shelf)
    assert status == 2 and "has no section recording" in wrong
