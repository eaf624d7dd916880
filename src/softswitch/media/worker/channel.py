"""The worker's end of the control connection."""

from __future__ import annotations

import logging
import socket

from softswitch.media.control import ControlError, Decoder, MediaCommand, MediaEvent, encode

MAX_UNSENT_BYTES = 8 << 20
_READ_BYTES = 65_536

log = logging.getLogger(__name__)


class Channel:
    """Commands in, events out, never waiting. `open` turns False when the switch is gone or talks nonsense."""

    __slots__ = ("_decoder", "_sock", "_unsent", "fd", "open")

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._decoder = Decoder()
        self._unsent = bytearray()
        self.fd = sock.fileno()
        self.open = True

    @property
    def waiting(self) -> bool:
        """There are bytes that the switch does not take yet."""
        return bool(self._unsent)

    def receive(self) -> list[MediaCommand]:
        try:
            data = self._sock.recv(_READ_BYTES)
            if not data:
                self.open = False
                return []
            return self._decoder.feed(data)  # type: ignore[return-value]
        except BlockingIOError:
            return []
        except ConnectionError:
            self.open = False
            return []
        except ControlError as error:
            log.error("the switch talks nonsense: %s", error)
            self.open = False
            return []

    def send(self, events: list[MediaEvent]) -> None:
        self._unsent += encode(events)
        self.flush()

    def flush(self) -> None:
        try:
            while self._unsent:
                sent = self._sock.send(self._unsent)
                del self._unsent[:sent]
        except BlockingIOError:
            if len(self._unsent) > MAX_UNSENT_BYTES:
                log.error("the switch does not take its events")
                self.open = False
        except ConnectionError:
            self._unsent.clear()  # he is gone; what he said before is read first, and then the end of it

    def close(self) -> None:
        self.open = False
        self._sock.close()
