"""Where a media process is found: a Unix socket in a directory that is ours alone.

The directory has mode 0700 and belongs to us, the socket mode 0600; whoever connects, or is connected to, has to be the
same user (SO_PEERCRED, unix(7)). A path that is too long for a socket's address is gone through a descriptor of its
directory.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager

MOST_PATH_BYTES = 107  # unix(7): sun_path has 108 with the zero at the end
_CREDENTIALS = struct.Struct("3i")


class WrongDoor(Exception):
    """The directory or the other side is not ours; one sentence."""


def prepare(directory: str) -> None:
    """Make the directory, or see that it is ours alone."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    found = os.lstat(directory)
    if not stat.S_ISDIR(found.st_mode):
        raise WrongDoor(f"{directory} is no directory")
    if found.st_uid != os.geteuid():
        raise WrongDoor(f"{directory} belongs to another user ({found.st_uid})")
    if found.st_mode & 0o077:
        os.chmod(directory, 0o700)


@contextmanager
def _address(path: str) -> Iterator[str]:
    """The path, as short as a socket's address has to be."""
    if len(os.fsencode(path)) <= MOST_PATH_BYTES:
        yield path
        return
    directory, name = os.path.split(path)
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{name}"
    finally:
        os.close(descriptor)


def listen(path: str) -> socket.socket:
    """OSError when it cannot be."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(path) as address:
            sock.bind(address)
        os.chmod(path, 0o600)
        sock.listen(4)
    except OSError:
        sock.close()
        raise
    return sock


def connect(path: str) -> tuple[socket.socket, int]:
    """The connection, and the process at its other end. OSError when nobody listens, WrongDoor when it is not ours."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        with _address(path) as address:
            sock.connect(address)
        return sock, peer_of(sock)
    except BaseException:
        sock.close()
        raise


def peer_of(sock: socket.socket) -> int:
    """The process at the other end, which has to be of our own user."""
    data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _ = _CREDENTIALS.unpack(data)
    if user != os.geteuid():
        raise WrongDoor(f"the other side belongs to another user ({user})")
    return int(process)
