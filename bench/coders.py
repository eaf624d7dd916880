"""What a coder costs: µs of CPU for a frame of 20 ms, of each codec, and of each pair between which we transcode.

    python bench/coders.py                   some ten seconds
    python bench/coders.py --repeat 3        quicker, rougher

The sound is like speech: harmonics of a gliding pitch, in syllables. A pair is measured as the media process does it,
packet in, packets out, without the network; both directions together. The best of several runs counts, for whatever
else the machine does can only add. Prints a table, then one JSON line.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

import numpy as np
from rich.console import Console
from rich.table import Table

from softswitch.media import rtp
from softswitch.media.codecs import CODECS, OPUS, Codec
from softswitch.media.worker.coding import RATES, decoder, encoder
from softswitch.media.worker.leg import Route
from softswitch.media.worker.outgoing import Outgoing
from softswitch.media.worker.player import Playlist
from softswitch.media.worker.rates import Converter
from softswitch.media.worker.relay import Clock
from softswitch.media.worker.transcoder import Transcoder

FRAMES = 250
TARGET = 60.0  # Opus and PCMU, both ways


def speech(rate: int) -> list[bytes]:
    at = np.arange(rate // 50 * FRAMES) / rate
    phase = 2 * np.pi * np.cumsum(140 + 40 * np.sin(2 * np.pi * 0.7 * at)) / rate
    voice = sum(np.sin(n * phase) / n for n in range(1, 20))
    hiss = np.random.default_rng(1).normal(0, 60, len(at))
    whole = 6000 * voice * (0.55 - 0.45 * np.cos(2 * np.pi * 4 * at)) + hiss
    return [piece.tobytes() for piece in whole.astype(np.int16).reshape(FRAMES, -1)]


def each(work: Callable[[bytes], object], pieces: list[bytes], repeat: int) -> float:
    """µs for one of these, in the best run."""
    best = float("inf")
    for _ in range(repeat):
        before = time.process_time()
        for piece in pieces:
            work(piece)
        best = min(best, time.process_time() - before)
    return best * 1e6 / len(pieces)


def one_way(theirs: Codec, ours: Codec, repeat: int) -> float:
    """The whole way of a packet through a transcoder."""
    route = Route.__new__(Route)
    route.forwarded = 0
    outgoing = Outgoing(1, 1, 1)
    outgoing.step = ours.step
    transcoder = Transcoder(route, outgoing, (theirs, ours), Clock(1.0))
    transcoder.lead(len, 96)
    payloads = list(map(encoder(theirs).encode, speech(theirs.rate)))
    numbers = itertools.count()
    packets = [
        [
            rtp.build(0, number, number * theirs.step, 7, payload)
            for payload, number in zip(payloads, numbers, strict=False)
        ]
        for _ in range(repeat)
    ]
    return min(each(transcoder, [memoryview(one) for one in run], 1) for run in packets)  # type: ignore[list-item]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeat", type=int, default=10)
    repeat = parser.parse_args().repeat
    figures: dict[str, float] = {}
    table = Table(title="µs of CPU per 20 ms")
    for column in ("", "encode", "decode"):
        table.add_column(column, justify="right" if column else "left")
    for codec, rate in itertools.product(CODECS.values(), RATES):
        sounds, coder = speech(rate), encoder(codec, rate)
        payloads = list(map(coder.encode, sounds))
        costs = each(coder.encode, sounds, repeat), each(decoder(codec, rate).decode, payloads, repeat)
        for name, cost in zip(("encode", "decode"), costs, strict=True):
            figures[f"{codec.name} {rate // 1000} kHz {name}"] = cost
        table.add_row(f"{codec.name}, samples at {rate // 1000} kHz", *(f"{cost:.1f}" for cost in costs))
    for rate in RATES:
        cost = figures[f"OPUS prompt {rate // 1000} kHz"] = each(
            encoder(OPUS, rate, prompt=True).encode, speech(rate), repeat
        )
        table.add_row(f"OPUS, a prompt at {rate // 1000} kHz, once", f"{cost:.1f}", "")
    for name, up in (("8 to 16 kHz", True), ("16 to 8 kHz", False)):
        cost = figures[name] = each(Converter(up=up).convert, speech(8000 if up else 16000), repeat)
        table.add_row(f"conversion {name}", f"{cost:.1f}", "")
    playlist = Playlist((bytes(160 * FRAMES),), 0, CODECS["PCMU"])
    cost = figures["PCMU prompt"] = each(lambda _: playlist.next_frame(), [b""] * FRAMES, repeat)
    table.add_row("a frame of a PCMU prompt", f"{cost:.2f}", "")
    Console().print(table)
    pairs = Table(title="Transcoding, both ways together, µs of CPU per 20 ms")
    for column in ("", "one way", "the other", "both", ""):
        pairs.add_column(column, justify="right" if column else "left")
    for one, other in itertools.combinations(CODECS.values(), 2):
        if one.rate == other.rate == 8000:
            continue  # a table of 256 bytes does that
        there, back = one_way(one, other, repeat), one_way(other, one, repeat)
        figures[f"{one.name} {other.name} both ways"] = there + back
        verdict = ("ok" if there + back <= TARGET else "MISSED") if OPUS in (one, other) and one.rate == 8000 else ""
        costs = (f"{there:.1f}", f"{back:.1f}", f"{there + back:.1f}")
        pairs.add_row(f"{one.name} and {other.name}", *costs, verdict)
    Console().print(pairs)
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
