"""The switch's stock of RTP ports that the media process has bound and leased to it."""

from __future__ import annotations

from collections import deque


class PortStock:
    """Ports to put into an SDP without asking anybody. Filled by `PortsLeased`; each port is handed out once.
    A port that was taken but never opened goes back with `give_back`; an opened one returns by itself, through
    `CloseMediaLeg`, and comes again in a later lease."""

    __slots__ = ("_low_water", "_ports")

    def __init__(self, low_water: int = 32) -> None:
        self._ports: deque[int] = deque()
        self._low_water = low_water

    def __len__(self) -> int:
        return len(self._ports)

    @property
    def low(self) -> bool:
        """Close to exhaustion: time to refuse calls that are not urgent."""
        return len(self._ports) < self._low_water

    def add(self, ports: tuple[int, ...]) -> None:
        self._ports.extend(ports)

    def take(self) -> int | None:
        """A port, or None when there is none left: answer 503."""
        return self._ports.popleft() if self._ports else None

    def give_back(self, port: int) -> None:
        self._ports.append(port)

    def clear(self) -> None:
        """The media process is lost, and its sockets with it."""
        self._ports.clear()
