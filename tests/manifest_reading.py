"""The manifest of recordings, whole, as tests like to have it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from softswitch.media.recording.crypt import KeyRing
from softswitch.media.recording.manifest import Chain, Fault
from softswitch.media.worker.recordings import ledger
from softswitch.runtime.recording_shelf import Shelf


def lines_of(directory: Path) -> list[str]:
    return [text.decode() for _, text in ledger.lines(directory)]


def read(lines: Iterable[str], ring: KeyRing) -> tuple[list[dict[str, Any]], list[Fault]]:
    """The lines that can be read, and what is wrong with them, whatever the head says."""
    chain = Chain(ring, "")
    found = [line for text in lines if (line := chain.line(text.encode(), 0)) is not None]
    return found, chain.faults


def manifest_of(shelf: Shelf) -> tuple[list[dict[str, Any]], list[Fault]]:
    """The same of a shelf, with the head."""
    reading = shelf.catalogue.reading()
    return list(reading), reading.chain.faults
