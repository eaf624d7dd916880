"""The switch's stock of RTP ports that the media processes have bound and leased to it.

Each media process has a share of the range. The legs of one call belong in the same one, so a port is asked for beside
another one; the first leg of a call goes where the fewest legs are.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise

from softswitch.media.messages import MediaSettings

ALL_PORTS = ((0, 65535),)


def shares_of(settings: MediaSettings) -> tuple[tuple[int, int], ...]:
    """The first and the last port of each media process; only even ports are used. Both ends of a call are in one
    process: on a machine with many cores and few ports there are no more processes than can hold one."""
    first = settings.port_first + settings.port_first % 2
    count = max((settings.port_last - first) // 2 + 1, 1)
    workers = min(max(settings.workers, 1), max(count // 2, 1))
    if workers == 1:
        return ((settings.port_first, settings.port_last),)
    edges = [first + 2 * (count * at // workers) for at in range(workers + 1)]
    return tuple((low, high - 1) for low, high in pairwise(edges))


class PortStock:
    """Ports to put into an SDP without asking anybody. Filled by `PortsLeased`; each port is handed out once.
    A port that was taken but never opened goes back with `give_back`; an opened one returns by itself, through
    `CloseMediaLeg`, and comes again in a later lease."""

    __slots__ = ("_held", "_low_water", "_shares", "_stock", "_used")

    def __init__(self, low_water: int = 32, shares: tuple[tuple[int, int], ...] = ALL_PORTS) -> None:
        self._shares = shares
        self._stock: tuple[deque[int], ...] = tuple(deque() for _ in shares)
        self._used = [0] * len(shares)
        self._held: dict[int, bool] = {}  # ports that peers of a lost media process send to; whether they are leased
        self._low_water = low_water

    def __len__(self) -> int:
        return sum(map(len, self._stock))

    @property
    def low(self) -> bool:
        """Close to exhaustion: time to refuse calls that are not urgent."""
        return len(self) < self._low_water

    def share(self, port: int) -> int:
        """Which media process has this port."""
        if len(self._shares) == 1:
            return 0
        return next((at for at, (first, last) in enumerate(self._shares) if first <= port <= last), 0)

    def has(self, port: int) -> bool:
        """Is it in anybody's share? One of a process before, with other settings, may not be."""
        return any(first <= port <= last for first, last in self._shares)

    def first_of(self, share: int) -> int:
        return self._shares[share][0]

    @property
    def several(self) -> bool:
        return len(self._shares) > 1

    def add(self, ports: tuple[int, ...]) -> None:
        for port in ports:
            if port in self._held:
                self._held[port] = True
            else:
                self._stock[self.share(port)].append(port)

    def take(self, beside: int | None = None) -> int | None:
        """A port, or None when there is none left: answer 503. `beside`: in the media process that has this one."""
        if beside is not None:
            at = self.share(beside)
        else:
            at = min(range(len(self._stock)), key=lambda each: (not self._stock[each], self._used[each]))
        if not self._stock[at]:
            return None
        self._used[at] += 1
        return self._stock[at].popleft()

    def give_back(self, port: int) -> None:
        at = self.share(port)
        self._used[at] -= 1
        self._stock[at].append(port)

    def goes_on(self, port: int) -> None:
        """A leg of the process before has it."""
        self._used[self.share(port)] += 1

    def ended(self, port: int) -> None:
        """The leg of this port is over."""
        self._used[self.share(port)] -= 1

    def clear(self) -> None:
        """No port is handed out any more."""
        for ports in self._stock:
            ports.clear()

    def hold(self, port: int) -> None:
        """A peer sends here, to a media process that is lost: nobody else shall hear him, should it be leased again."""
        self._held.setdefault(port, False)

    def take_held(self, port: int) -> int | None:
        """By the leg whose peer it is."""
        if not self._held.get(port):
            return None
        del self._held[port]
        self._used[self.share(port)] += 1
        return port

    def let_go(self, port: int) -> None:
        """He sends elsewhere by now, or not at all."""
        if self._held.pop(port, False):
            self._stock[self.share(port)].append(port)

    def lose(self, first: int, last: int) -> None:
        """A media process is lost, and its sockets with it."""
        for ports in self._stock:
            kept = [port for port in ports if not first <= port <= last]
            ports.clear()
            ports.extend(kept)
        self._held.update((port, False) for port in self._held if first <= port <= last)
