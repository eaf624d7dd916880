"""All media processes of the switch: each has its share of the ports, and a leg's orders go to the one that has it.

    start: the lock of the directory -> those that outlived the switch before us are claimed -> the others are started

The directory belongs to one switch at a time (flock(2), which ends with the process that holds it); so does every
media process in it. One that belongs to no share (another range of ports, fewer processes) is told to finish.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from softswitch.ids import LegId
from softswitch.media.control import MediaCommand, MediaMessage
from softswitch.media.messages import (
    AdoptLegs,
    Bridge,
    LegsFound,
    MediaLegClosed,
    MediaLost,
    MediaSettings,
    OpenMediaLeg,
)
from softswitch.media.ports import shares_of
from softswitch.media.worker import door
from softswitch.runtime.media_client import MediaClient, MediaStartError

log = logging.getLogger(__name__)

LOCK_SECONDS = 5.0  # a switch that was killed a moment ago may hold it still
_LOCK_STEP_SECONDS = 0.1
_SOCKET = re.compile(r"worker-(\d+)-[0-9a-f]{8}")


def directory_of(settings: MediaSettings, database_url: str) -> str:
    """Where media processes that outlive the switch are found: beside the SQLite database, or in var/media. Empty: they
    do not outlive it; whoever forgets everything else need not remember calls."""
    if not settings.grace_seconds:
        return ""
    parts = urlsplit(database_url)
    if not parts.scheme.startswith("sqlite"):
        return "var/media"
    if not parts.path.strip("/") or ":memory:" in parts.path:
        return ""
    return str(Path(parts.path.removeprefix("/")).parent / "media")


def as_here(settings: MediaSettings) -> MediaSettings:
    """With as many media processes as this machine has cores for, when that is asked for."""
    if settings.workers:
        return settings
    return replace(settings, workers=max(len(os.sched_getaffinity(0)) - 1, 1))


def _unusable(problem: Exception) -> MediaStartError:
    return MediaStartError(f"the directory of the media process cannot be used: {problem}")


def carries_on(directory: str) -> bool:
    """Does some media process seem to go on from before?"""
    try:
        return bool(directory) and any(_SOCKET.fullmatch(name) for name in os.listdir(directory))
    except OSError:
        return False


class MediaHouse:
    """`post` is called on the event loop with every event of every media process, and `MediaLost`."""

    def __init__(
        self,
        settings: MediaSettings,
        prompt_dir: str,
        post: Callable[[MediaMessage | MediaLost], None],
        directory: str = "",
    ) -> None:
        self._directory = os.path.abspath(directory) if directory else ""
        self._post = post
        self._lock = -1
        self._leaving = False
        self._legs: dict[LegId, MediaClient] = {}
        self.clients: tuple[MediaClient, ...] = tuple(
            MediaClient(replace(settings, port_first=first, port_last=last), prompt_dir, post, self._directory)
            for first, last in shares_of(settings)
        )
        for client in self.clients:
            client.listen(partial(self._receive, client))

    @property
    def legs(self) -> tuple[int, ...]:
        """How many each media process has."""
        counted = [0] * len(self.clients)
        for client in self._legs.values():
            counted[self.clients.index(client)] += 1
        return tuple(counted)

    @property
    def restarts(self) -> int:
        return sum(client.restarts for client in self.clients)

    # -------------------------------------------------------------- start and stop

    async def own(self) -> None:
        """From here on the directory is ours, and with it the calls of the switch before. Raises `MediaStartError`."""
        if not self._directory or self._lock >= 0:
            return
        try:
            door.prepare(self._directory)
            self._lock = await self._locked(os.path.join(self._directory, "lock"))
        except (OSError, door.WrongDoor) as problem:
            raise _unusable(problem) from problem

    async def start(self) -> None:
        """Returns when all have leased their first ports. Raises `MediaStartError`."""
        await self.own()
        try:
            survivors = await self._survivors() if self._directory else {}
            started = [client.start(survivors.pop(client.ports[0], "")) for client in self.clients]
            problems = await asyncio.gather(*started, return_exceptions=True)
            for problem in problems:
                if isinstance(problem, BaseException):
                    raise problem
            for path in survivors.values():
                await self.clients[0].turn_away(path)
        except BaseException:
            await self.stop()
            raise

    def leave_calls(self) -> None:
        """From here on `stop` ends no media process that carries calls: the next start takes them over."""
        self._leaving = bool(self._directory)

    async def stop(self) -> None:
        leave = self._leaving and any(self.legs)
        await asyncio.gather(*(client.stop(leave=leave) for client in self.clients))
        self._legs.clear()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    async def _survivors(self) -> dict[int, str]:
        """Their sockets by the first port of each."""
        try:
            names = sorted(os.listdir(self._directory))
        except OSError as problem:
            raise _unusable(problem) from problem
        found: dict[int, str] = {}
        for name in names:
            path = os.path.join(self._directory, name)
            match = _SOCKET.fullmatch(name)
            if match is not None and int(match[1]) not in found:
                found[int(match[1])] = path
            elif match is not None:  # two of the same ports: one of them is dead
                await self.clients[0].turn_away(path)
        return found

    @staticmethod
    async def _locked(path: str) -> int:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        for _ in range(int(LOCK_SECONDS / _LOCK_STEP_SECONDS)):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
                return descriptor
            await asyncio.sleep(_LOCK_STEP_SECONDS)
        owner = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
        os.close(descriptor)
        raise MediaStartError(f"{os.path.dirname(path)} is used by another switch (process {owner})")

    # -------------------------------------------------------------- orders and events

    def send(self, command: MediaCommand | AdoptLegs) -> None:
        """To the media process that has this leg. What speaks of a leg that none has is forgotten."""
        match command:
            case AdoptLegs(port_first=first):
                for client in self.clients:
                    if client.ports[0] <= first <= client.ports[1]:
                        client.send(command)
                return
            case OpenMediaLeg(leg=leg, port=port):
                for client in self.clients:
                    if client.ports[0] <= port <= client.ports[1]:
                        self._legs[leg] = client
        owner = self._legs.get(command.leg)
        if owner is None:
            return
        if type(command) is Bridge and self._legs.get(command.peer) is not owner:
            log.error("legs %d and %d are in two media processes: they are not bridged", command.leg, command.peer)
            return
        owner.send(command)

    def _receive(self, client: MediaClient, event: Any) -> None:
        match event:
            case MediaLegClosed(leg=leg):
                if self._legs.get(leg) is client:
                    del self._legs[leg]
            case LegsFound(legs=legs):
                self._legs.update((LegId(found.leg), client) for found in legs)
            case MediaLost():
                self._legs = {leg: owner for leg, owner in self._legs.items() if owner is not client}
        self._post(event)
