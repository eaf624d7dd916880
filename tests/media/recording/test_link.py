"""The line to the writer: bounded, in order, and never waiting."""

from __future__ import annotations

import socket

from softswitch.media.worker.recordings import frames
from softswitch.media.worker.recordings.frames import FrameReader
from softswitch.media.worker.recordings.link import MOST_WAITING_BYTES, Writer

MEGABYTE = 1 << 20


def test_what_waits_is_bounded_marks_still_fit_and_all_of_it_arrives_in_order() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        writer = Writer()
        writer._sock = ours
        sent = 0
        while writer.send(frames.BATCH, sent, bytes(MEGABYTE)):
            sent += 1
            assert sent * MEGABYTE <= MOST_WAITING_BYTES + 2 * MEGABYTE, "it is not bounded"
        assert sent * MEGABYTE >= MOST_WAITING_BYTES
        assert writer.behind and writer.send(frames.MARK, 99, b"a mark", keep=True)
        reader, got = FrameReader(), []
        theirs.settimeout(20)
        while len(got) < sent + 1:
            got += [(kind, number, len(content)) for kind, number, content in reader.feed(theirs.recv(MEGABYTE))]
            writer.flush()
        assert got == [*((frames.BATCH, n, MEGABYTE) for n in range(sent)), (frames.MARK, 99, 6)]
        assert not writer.behind


def test_a_writer_that_is_gone_is_noticed_and_nothing_waits_for_it() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    writer = Writer()
    writer._sock = ours
    theirs.close()
    assert not writer.send(frames.BATCH, 1, bytes(100))
    assert not writer.alive and not writer.behind
    assert writer.told() == [] and not writer.send(frames.MARK, 1, b"", keep=True)
