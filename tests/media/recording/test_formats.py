"""Every format, and codecs of both rates in one recording."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgpack
import numpy
import pytest
import soundfile

from softswitch.media import rtp
from softswitch.media.codecs import CODECS
from softswitch.media.recording import reel
from softswitch.media.recording.crypt import KeyRing
from softswitch.media.recording.reel import ReelWriter
from softswitch.media.worker.coding import encoder
from softswitch.media.worker.recordings.finish import FORMATS, finish

TYPES = {0: "PCMU", 8: "PCMA", 9: "G722", 96: "OPUS"}
NONE = KeyRing()


def packets(kind: int, hertz: int, count: int) -> list[bytes]:
    """A tone in this codec."""
    codec = CODECS[TYPES[kind]]
    coder, size = encoder(codec), codec.rate // 50
    at = numpy.arange(count * size) / codec.rate
    samples = (8000 * numpy.sin(2 * numpy.pi * hertz * at)).astype(numpy.int16)
    payloads = [coder.encode(samples[n * size : (n + 1) * size].tobytes()) for n in range(count)]
    return [rtp.build(kind, n, codec.step * n, kind + 1, payload) for n, payload in enumerate(payloads)]


def finished(directory: Path, form: str, *batches: tuple[float, list[bytes], list[bytes]]) -> dict[str, Any]:
    writer = ReelWriter("7", 0, NONE, os.urandom)
    head = {"at": 100.0, "wall": 1.8e9, "part": 0, "interaction": "1", "caller": "a", "dialled": "b", "format": form}
    data = [writer.beginning, writer.record(reel.OPEN, json.dumps(head).encode())]
    end = 100.0
    for begin, heard, sent in batches:
        heard_at, sent_at = ([begin + 0.02 * n for n in range(len(each))] for each in (heard, sent))
        batch = (TYPES, heard_at, heard, sent_at, sent)
        data.append(writer.record(reel.BATCH, msgpack.packb(batch)))
        end = max(end, *heard_at, *sent_at)
    data.append(writer.record(reel.CLOSE, json.dumps({"at": end + 0.02, "because": "done", "by": ""}).encode()))
    (directory / "7.0.reel").write_bytes(b"".join(data))
    job = {"directory": str(directory), "recording": "7", "reels": [str(directory / "7.0.reel")], "format": "wav"}
    return finish({**job, "keys": {}, "use": ""})


def loudest(samples: numpy.ndarray, rate: int) -> float:
    spectrum = numpy.abs(numpy.fft.rfft(samples.astype(float)))
    return float(spectrum[1:].argmax() + 1) * rate / len(samples)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_holds_both_sides(tmp_path: Path, form: str) -> None:
    answer = finished(tmp_path, form, (100.0, packets(0, 400, 50), packets(8, 700, 50)))
    samples, rate = soundfile.read(answer["partial"], dtype="int16")
    assert answer["facts"]["format"] == form and samples.shape[1] == 2
    assert abs(len(samples) / rate - 1.0) < 0.15
    for side, hertz in ((0, 400), (1, 700)):
        assert abs(loudest(samples[rate // 4 : 3 * rate // 4, side], rate) - hertz) < 5


@pytest.mark.parametrize("kind", [9, 96])
def test_wide_codecs_are_recorded_wide_and_narrow_ones_beside_them(tmp_path: Path, kind: int) -> None:
    first, second = (100.0, packets(kind, 5000, 50), packets(0, 700, 50)), (101.0, packets(8, 900, 50), [])
    answer = finished(tmp_path, "wav", first, second)
    samples, rate = soundfile.read(answer["partial"], dtype="int16")
    assert rate == 16_000 and answer["facts"]["rate"] == 16_000
    assert abs(loudest(samples[4000:12_000, 0], rate) - 5000) < 10
    assert abs(loudest(samples[20_000:28_000, 0], rate) - 900) < 10
    assert abs(loudest(samples[4000:12_000, 1], rate) - 700) < 10
    assert not samples[17_000:, 1].any()
    ((begin, end),) = answer["facts"]["sides"]["ours"]["silent"]
    assert abs(begin - 1.0) < 0.05 and abs(end - 2.0) < 0.05
