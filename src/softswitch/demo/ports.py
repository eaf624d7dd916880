"""Free ports of this machine for a demo that must run beside anything, other demos included.

A port that is free when it is picked may be somebody else's a moment later. So those who pick here pick from blocks of
their own: a process claims a block by binding its first port (TCP) and keeps it until it ends, however it ends; the
kernel is the register. Out of its blocks it gives one port after the other, the oldest again only after all others.
Programs that know nothing of this are seen by trying to bind.
"""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Sequence

_HOME = "127.0.0.1"  # where blocks are claimed; who claims one has its numbers on every address
_BOTH = (socket.SOCK_DGRAM, socket.SOCK_STREAM)


class NoPort(OSError):
    """All ports are in use."""


def is_free(host: str, port: int, kinds: Sequence[int] = _BOTH) -> bool:
    """Nobody has this port, neither by UDP nor by TCP."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for kind in kinds:
        with socket.socket(family, kind) as probe:
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise  # no such address here
                return False
    return True


class Blocks:
    """The ports from `first` to `last` in blocks of `size`. A process should take `most` of them, and takes more only
    when all it has are in use."""

    def __init__(self, first: int, last: int, size: int, most: int) -> None:
        self.size = size
        self._first, self._last, self._most = first, last, most
        self._starts = range(first, last + 2 - size, size)
        self._claimed: list[range] = []  # neighbouring blocks as one, longest out of use first
        self._turn = random.randrange(len(self._starts))  # each process begins elsewhere, and goes on from there
        self._guards: list[int] = []  # descriptors that only the end of the process closes

    def _guard(self, start: int) -> int | None:
        """Claim one block; None when somebody has it."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as guard:
            try:
                guard.bind((_HOME, start))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                return None
            return guard.detach()

    def claim(self, count: int = 1) -> range | None:
        """So many neighbouring blocks as one range of ports; None when there are none left."""
        for place in (*range(self._turn, len(self._starts)), *range(self._turn)):
            wanted = self._starts[place : place + count]
            if len(wanted) < count:
                continue
            guards: list[int] = []
            for start in wanted:
                guard = self._guard(start)
                if guard is None:
                    break
                guards.append(guard)
            if len(guards) == count:
                self._guards += guards
                self._turn = (place + count) % len(self._starts)
                self._claimed.append(range(wanted[0], wanted[0] + count * self.size))
                return self._claimed[-1]
            for guard in guards:
                socket.close(guard)
        return None

    def again(self) -> list[range]:
        """What this process has claimed, longest out of use first, when it should not take more."""
        return list(self._claimed) if len(self._guards) >= self._most else []

    def all(self) -> list[range]:
        return list(self._claimed)

    def used(self, ports: range) -> None:
        """These come last from now on."""
        self._claimed.remove(ports)
        self._claimed.append(ports)

    def exhausted(self) -> NoPort:
        return NoPort(errno.EADDRINUSE, f"no port is free between {self._first} and {self._last}")


class Singles:
    """One port after the other, each with some behind it."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._given = 0

    def next(self, host: str, many: int) -> int:
        while True:
            ports = [block[at : at + many] for block in self._blocks.all() for at in range(2, len(block), 2)]
            for _ in ports:
                wanted = ports[self._given % len(ports)]
                self._given += 1
                if len(wanted) == many and all(is_free(host, port) for port in wanted):
                    self._given += (many - 1) // 2
                    return wanted[0]
            if self._blocks.claim() is None:
                raise self._blocks.exhausted()


# Outside of the ranges from which the system, and a switch for its audio, pick by themselves.
_SINGLES = Singles(Blocks(10_100, 11_999, 100, most=1))
_RANGES = Blocks(12_000, 19_999, 250, most=6)


def free_port(host: str = _HOME, many: int = 2) -> int:
    """The first of so many, an even one. Two: a SIP phone takes the one behind its own for TLS, unasked."""
    return _SINGLES.next(host, many)


def free_range(size: int, host: str = _HOME, blocks: Blocks = _RANGES) -> tuple[int, int]:
    """First and last of `size` neighbouring free ports for audio (UDP), beginning with an even one."""
    count = -(-size // blocks.size)

    def first_free(candidates: Sequence[range]) -> tuple[int, int] | None:
        for ports in candidates:
            wanted = ports[:size]
            if len(wanted) == size and all(is_free(host, port, (socket.SOCK_DGRAM,)) for port in wanted):
                blocks.used(ports)
                return wanted[0], wanted[-1]
        return None

    found = first_free(blocks.again())
    while found is None and (claimed := blocks.claim(count)) is not None:
        found = first_free([claimed])
    found = found or first_free(blocks.all())
    if found is None:
        raise blocks.exhausted()
    return found
