"""Free ports of this machine for a demo that must run beside anything."""

from __future__ import annotations

import errno
import random
import socket


def is_free(host: str, port: int) -> bool:
    """Nobody has this port, neither by UDP nor by TCP."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise  # no such address here
                return False
    return True


def free_port(host: str = "127.0.0.1", first: int = 10100, last: int = 11999) -> int:
    """A port outside of the ranges from which the system, and a switch for its audio, pick by themselves."""
    while True:
        port = random.randint(first, last)
        if is_free(host, port):
            return port


def free_range(size: int, host: str = "127.0.0.1", first: int = 12000, last: int = 19999) -> tuple[int, int]:
    """First and last of `size` neighbouring free ports, beginning with an even one."""
    while True:
        start = random.randrange(first - first % 2, last - size, 2)
        if all(is_free(host, port) for port in range(start, start + size)):
            return start, start + size - 1
