"""What the media process and its writer say to each other, over a Unix stream socket.

    frame := length(4) kind(1) recording(8) content; `length` counts what follows it

To the writer: SETUP (JSON) first, then OPEN, BATCH, MARK and CLOSE, whose content goes into the reel as it is (see
`media.recording.reel`). From the writer: PROBLEM (JSON) and ENDED (a line of the manifest).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from softswitch.media.recording import reel

OPEN: Final = reel.OPEN
BATCH: Final = reel.BATCH
MARK: Final = reel.MARK
CLOSE: Final = reel.CLOSE
SETUP: Final = 16
PROBLEM: Final = 17
ENDED: Final = 18

MOST_FRAME: Final = 8 << 20
_HEAD = struct.Struct(">IBQ")
_BEHIND = _HEAD.size - 4


def frame(kind: int, recording: int, content: bytes) -> bytes:
    return _HEAD.pack(len(content) + _BEHIND, kind, recording) + content


class FrameReader:
    """Bytes cut anywhere in, whole frames out."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Raises ValueError for what is no frame."""
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= _HEAD.size:
            length, kind, recording = _HEAD.unpack_from(buffer, start)
            if not _BEHIND <= length <= MOST_FRAME:
                raise ValueError(f"frame of {length} bytes")
            end = start + 4 + length
            if len(buffer) < end:
                break
            yield kind, recording, bytes(buffer[start + _HEAD.size : end])
            start = end
        if start:
            del buffer[:start]
